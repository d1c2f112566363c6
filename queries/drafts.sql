-- Drafts by energy
-- How many drafts have which energy, and how often one of them was the answer.
SELECT
    floor(energy * 10) / 10 AS energy, count(*) AS drafts, count(*) FILTER (chosen) AS chosen,
    round(avg(temperature), 3) AS temperature, round(avg(tokens), 1) AS tokens
FROM drafts
GROUP BY 1
ORDER BY 1;
