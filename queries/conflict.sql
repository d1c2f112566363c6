-- Highest conflict
-- The twenty exchanges of the highest conflict, with what was said.
SELECT exchange_id, conflict, total, user_input, response
FROM salience_history
WHERE conflict IS NOT NULL
ORDER BY conflict DESC, exchange_id
LIMIT 20;
