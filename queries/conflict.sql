-- Highest conflict
-- The twenty exchanges of the highest conflict by each profile.
WITH highest AS (
    SELECT exchange_id, profile, conflict, total FROM salience
    QUALIFY row_number() OVER (PARTITION BY profile ORDER BY conflict DESC, exchange_id) <= 20
)
SELECT exchange_id, profile, conflict, total, user_input, response
FROM highest
JOIN exchanges USING (exchange_id)
ORDER BY profile, conflict DESC, exchange_id;
