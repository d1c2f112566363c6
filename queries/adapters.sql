-- Which adapter answered what
-- Exchanges, sessions and mean salience of each adapter, with its first and last answer.
SELECT
    checkpoint, coalesce(adapter, 'none') AS adapter, count(*) AS exchanges,
    count(DISTINCT session_id) AS sessions, round(avg(total), 3) AS total, min(created_at) AS first,
    max(created_at) AS last, any_value(user_input) AS one_of_them
FROM salience_history
GROUP BY checkpoint, adapter
ORDER BY first;
