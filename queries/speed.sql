-- Tokens a second
-- How fast each checkpoint answered, by day; all drafts of an answer count.
SELECT
    date_trunc('day', e.created_at) AS day, e.checkpoint, count(*) AS exchanges,
    round(sum(d.tokens) / nullif(sum(e.seconds), 0), 1) AS tokens_per_second
FROM exchanges e
JOIN (SELECT exchange_id, sum(tokens) AS tokens FROM drafts GROUP BY exchange_id) d USING (exchange_id)
-- What was killed has drafts and no time.
WHERE e.seconds IS NOT NULL
GROUP BY day, e.checkpoint
ORDER BY day, e.checkpoint;
