-- Which adapter answered what
-- Exchanges, sessions and mean salience of each adapter, by profile, with its first and last answer.
WITH sessions_of AS (
    -- An adapter answers many turns of a session: sessions are counted after they are taken together.
    SELECT
        checkpoint, adapter, profile, session_id, count(*) AS exchanges, sum(total) AS total,
        min(created_at) AS first, max(created_at) AS last
    FROM exchanges
    JOIN salience USING (exchange_id)
    GROUP BY ALL
)
SELECT
    checkpoint, coalesce(adapter, 'none') AS adapter, profile, sum(exchanges)::BIGINT AS exchanges,
    count(*) AS sessions, round(sum(total) / sum(exchanges), 3) AS total, min(first) AS first, max(last) AS last
FROM sessions_of
GROUP BY checkpoint, adapter, profile
ORDER BY first, profile;
