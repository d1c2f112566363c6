-- Before and after each sleep
-- Mean salience of the adapter a sleep began with and of the one it made, on the same checkpoint.
WITH answered AS (
    SELECT checkpoint, coalesce(adapter, '') AS adapter, profile, count(*) AS exchanges, avg(total) AS total
    FROM exchanges
    JOIN salience USING (exchange_id)
    GROUP BY ALL
)
SELECT
    c.cycle_id, c.started_at, a.profile, b.exchanges AS before, a.exchanges AS after,
    round(b.total, 3) AS total_before, round(a.total, 3) AS total_after, round(a.total - b.total, 3) AS change,
    c.first_loss, c.last_loss
FROM sleep_cycles c
JOIN answered a ON a.checkpoint = c.checkpoint AND a.adapter = c.adapter
LEFT JOIN answered b
    ON b.checkpoint = c.checkpoint AND b.adapter = coalesce(c.parent_adapter, '') AND b.profile = a.profile
WHERE c.status = 'complete'
ORDER BY c.started_at, a.profile;
