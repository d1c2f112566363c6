-- Forgotten after each sleep
-- Earlier memories that were known before a sleep and lost by it, with what was answered; rolled-back sleeps too.
SELECT c.cycle_id, c.verdict, p.question, p.expected, p.answer_before, p.answer_after
FROM sleep_probes p
JOIN sleep_cycles c USING (cycle_id)
WHERE p.kind = 'earlier' AND p.right_before AND NOT p.right_after
ORDER BY c.started_at, c.cycle_id, p.number;
