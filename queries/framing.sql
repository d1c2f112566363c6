-- Salience by framing
-- Personal messages (to you, about me or us) beside abstract ones, by checkpoint.
WITH framed AS (
    SELECT
        exchange_id, checkpoint,
        CASE
            WHEN regexp_matches(user_input, '\b(you|your|yours|yourself|i|me|my|we|us|our)\b', 'i') THEN 'personal'
            ELSE 'abstract'
        END AS framing
    FROM exchanges
)
SELECT
    checkpoint, framing, profile, count(*) AS exchanges, round(avg(salient::INT), 3) AS salient_share,
    round(avg(total), 3) AS total
FROM framed
JOIN salience USING (exchange_id)
GROUP BY checkpoint, framing, profile
ORDER BY checkpoint, framing, profile;
