-- Salience by checkpoint
-- Exchanges, salient share and mean salience of each checkpoint, by profile.
SELECT
    checkpoint, profile, count(*) AS exchanges, round(avg(salient::INT), 3) AS salient_share,
    round(avg(total), 3) AS total, round(avg(surprise), 3) AS surprise, round(avg(novelty), 3) AS novelty,
    round(avg(arousal), 3) AS arousal, round(avg(reward), 3) AS reward, round(avg(conflict), 3) AS conflict
FROM exchanges
JOIN salience USING (exchange_id)
GROUP BY checkpoint, profile
ORDER BY total DESC;
