-- Highest conflict
-- The twenty exchanges of the highest conflict, with what was said.
WITH highest AS (
    SELECT exchange_id, profile, conflict, total FROM salience ORDER BY conflict DESC, exchange_id LIMIT 20
)
SELECT exchange_id, profile, conflict, total, user_input, response
FROM highest
JOIN exchanges USING (exchange_id)
ORDER BY conflict DESC, exchange_id;
