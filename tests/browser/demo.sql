-- The last hour of a shop: four tasks, a minute with trouble, and the groups of its errors. The numbers are the same each time.
INSERT INTO mainspring.stats
SELECT date_trunc('minute', mainspring.now(), 'UTC') - m * interval '1 minute', 'minute', 'task', t.name, n.jobs, n.jobs,
    n.jobs - n.failed - n.dead, n.failed, n.dead, 0, 0, 0, 0, 0,
    array_fill(greatest(n.jobs / 7, 1)::bigint, ARRAY[7], ARRAY[t.wait + CASE WHEN m BETWEEN 17 AND 24 THEN 8 ELSE m % 3 END]),
    array_fill(greatest(n.jobs / 9, 1)::bigint, ARRAY[9], ARRAY[t.run + m % 4])
FROM generate_series(0, 59) AS m,
    (VALUES ('mail.send', 340, 30, 46), ('invoice.render', 90, 32, 56), ('report.export', 6, 36, 70),
        ('prices.import', 3, 34, 66)) AS t(name, rate, wait, run),
    LATERAL (SELECT (t.rate * (1 + 0.35 * sin(m / 7.0) + (m * 37 % 11) / 60.0))::bigint AS jobs) AS j,
    LATERAL (SELECT j.jobs, CASE WHEN m BETWEEN 18 AND 22 AND t.name = 'mail.send' THEN j.jobs / 4 ELSE j.jobs / 90 END AS failed,
        CASE WHEN m % 13 = 4 AND t.name <> 'report.export' THEN j.jobs / 60 ELSE 0 END AS dead) AS n;

SELECT mainspring.add_errors(jsonb_build_array(
    jsonb_build_object('task', 'mail.send', 'summary', 'no route to mx?.mail.example within ? s', 'failed', 412, 'dead', 3,
        'attempt', 2, 'error', E'no route to mx2.mail.example within 20 s\ncaused by: connection refused (os error 111)'),
    jsonb_build_object('task', 'prices.import', 'summary', 'line ? has no price', 'failed', 0, 'dead', 4,
        'attempt', 1, 'error', 'line 1207 has no price'),
    jsonb_build_object('task', 'invoice.render', 'summary', 'font ? is missing', 'failed', 9, 'dead', 0,
        'attempt', 1, 'error', 'font "Inter" is missing')));
