-- Salience by framing
-- Personal messages (to you, about me or us) beside abstract ones, by checkpoint.
SELECT
    checkpoint,
    CASE
        WHEN regexp_matches(user_input, '\b(you|your|yours|yourself|i|me|my|we|us|our)\b', 'i') THEN 'personal'
        ELSE 'abstract'
    END AS framing,
    count(*) AS exchanges, round(avg(salient::INT), 3) AS salient_share, round(avg(total), 3) AS total
FROM salience_history
WHERE profile IS NOT NULL
GROUP BY checkpoint, framing
ORDER BY checkpoint, framing;
