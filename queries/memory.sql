-- Memory over time
-- The most memory of each process in each hour, in MB.
SELECT
    date_trunc('hour', "at") AS hour, process, round(max(rss_bytes) / 1e6) AS memory_mb,
    round(max(vram_bytes) / 1e6) AS gpu_mb, count(*) AS readings
FROM resources
GROUP BY ALL
ORDER BY hour, process;
