-- Correlations of the dimensions
-- How far the five dimensions go together, from -1 to 1.
SELECT
    profile, count(*) AS exchanges,
    round(corr(surprise, novelty), 3) AS surprise_novelty, round(corr(surprise, arousal), 3) AS surprise_arousal,
    round(corr(surprise, reward), 3) AS surprise_reward, round(corr(surprise, conflict), 3) AS surprise_conflict,
    round(corr(novelty, arousal), 3) AS novelty_arousal, round(corr(novelty, reward), 3) AS novelty_reward,
    round(corr(novelty, conflict), 3) AS novelty_conflict, round(corr(arousal, reward), 3) AS arousal_reward,
    round(corr(arousal, conflict), 3) AS arousal_conflict, round(corr(reward, conflict), 3) AS reward_conflict
FROM salience
GROUP BY profile
ORDER BY profile;
