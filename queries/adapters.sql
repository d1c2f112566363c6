-- Which adapter answered what
-- Exchanges, sessions and mean salience of each adapter, by profile, with its first and last answer.
WITH sessions_of AS (
    -- An adapter answers many turns of a session: sessions are counted after they are taken together.
    SELECT
        checkpoint, adapter, profile, session_id, count(*) AS exchanges, sum(total) AS total, count(total) AS scored,
        min(created_at) AS first, max(created_at) AS last
    FROM exchanges
    LEFT JOIN salience USING (exchange_id)
    WHERE status IN ('complete', 'cancelled')
    GROUP BY ALL
)
SELECT
    checkpoint, coalesce(adapter, 'none') AS adapter, coalesce(profile, 'not scored') AS profile,
    sum(exchanges)::BIGINT AS exchanges, count(*) AS sessions, round(sum(total) / nullif(sum(scored), 0), 3) AS total,
    min(first) AS first, max(last) AS last
FROM sessions_of
GROUP BY ALL
ORDER BY first, profile;
