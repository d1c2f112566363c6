-- Which adapter answered what
-- Exchanges, sessions and mean salience of each adapter, with its first and last answer.
WITH sessions_of AS (
    -- An adapter answers many turns of a session: sessions are counted after they are taken together.
    SELECT
        checkpoint, adapter, session_id, count(*) AS exchanges, sum(total) AS total, count(total) AS scored,
        min(created_at) AS first, max(created_at) AS last
    FROM exchanges
    LEFT JOIN salience USING (exchange_id)
    GROUP BY ALL
)
SELECT
    checkpoint, coalesce(adapter, 'none') AS adapter, sum(exchanges)::BIGINT AS answers, count(*) AS sessions,
    round(sum(total) / nullif(sum(scored), 0), 3) AS total, min(first) AS first, max(last) AS last
FROM sessions_of
GROUP BY checkpoint, adapter
ORDER BY first;
