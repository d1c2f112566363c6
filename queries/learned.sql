-- Learned by each sleep
-- Which memories are recalled in wordings that were never trained, before and after each sleep whose adapter was kept.
SELECT
    cycle_id, lesson_id, l.question, l.answer, count(*) AS unseen_wordings,
    count(*) FILTER (p.right_before) AS right_before, count(*) FILTER (p.right_after) AS right_after
FROM sleep_probes p
JOIN sleep_lessons l USING (cycle_id, lesson_id)
JOIN sleep_cycles c USING (cycle_id)
WHERE p.kind = 'unseen' AND c.adapter IS NOT NULL
GROUP BY ALL
ORDER BY cycle_id, lesson_id;
