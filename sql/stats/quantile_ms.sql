-- Returns the duration, in milliseconds, that this share of a histogram does not exceed, such as 0.99. NULL if it is empty. Bin 0 is below
-- 1024 ns. Each other bin is a quarter of a doubling wide, and stands for its geometric middle.
CREATE OR REPLACE FUNCTION mainspring.quantile_ms(histogram bigint[], quantile double precision)
RETURNS double precision
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE h.bin WHEN 0 THEN power(2, 9.0::double precision) ELSE power(2, 10 + (h.bin - 0.5::double precision) / 4) END / 1e6
    FROM (
        SELECT bin, sum(histogram[bin]) OVER (ORDER BY bin) AS up_to, sum(histogram[bin]) OVER () AS total
        FROM generate_subscripts(histogram, 1) AS bin
    ) AS h
    WHERE h.up_to >= greatest(ceil(least(greatest(quantile, 0), 1) * h.total), 1) ORDER BY h.bin LIMIT 1;
$$;
