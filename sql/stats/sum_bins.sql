-- Adds histograms, each given as the text of an array whose subscripts are the numbers of its bins. Returns NULL for none.
CREATE OR REPLACE FUNCTION mainspring.sum_bins(histograms text[])
RETURNS bigint[]
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH totals AS (
        SELECT bin, sum(h.counts[bin]) AS counted
        FROM (SELECT t.histogram::bigint[] AS counts FROM unnest(histograms) AS t(histogram)) AS h
        CROSS JOIN LATERAL generate_subscripts(h.counts, 1) AS bin GROUP BY bin
    )
    SELECT CASE WHEN count(*) > 0 THEN
        format('[%s:%s]={%s}', min(b.bin), max(b.bin), string_agg(coalesce(t.counted, 0)::text, ',' ORDER BY b.bin))::bigint[] END
    FROM generate_series((SELECT min(bin) FROM totals), (SELECT max(bin) FROM totals)) AS b(bin)
    LEFT JOIN totals AS t ON t.bin = b.bin;
$$;
