-- The order system of the demo: psql -v orders=1000000 -v customers=100000 -f orders.sql
-- The arithmetic is that of generate.py, so that payments add up to orders.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SET synchronous_commit = off;
DROP SCHEMA IF EXISTS shop CASCADE;
CREATE SCHEMA shop;
CREATE TYPE shop.order_status AS ENUM ('placed', 'shipped', 'delivered', 'returned');
CREATE UNLOGGED TABLE shop.order_lines AS
SELECT o AS order_id, l AS line_no, 'SKU-' || lpad(p::text, 5, '0') AS sku, 1 + (o * 31 + l * 17) % 3 AS quantity,
       ((499 + p * 7919 % 29500) / 100.0)::numeric(10,2) AS unit_price
FROM generate_series(1::bigint, :orders) o, generate_series(1::bigint, 1 + o * 13 % 4) l,
     LATERAL (SELECT (o * 69621 + l * 16807) % 2000 AS p) s;
CREATE UNLOGGED TABLE shop.orders AS
SELECT o AS id, 1 + (o * 48271 + o % 97 * 3571) % :customers AS customer_id,
       timestamptz '2024-01-01 00:00:00+00' + make_interval(secs => o * 730 * 86400 / :orders + o * 7 % 3600) AS ordered_at,
       (enum_range(NULL::shop.order_status))[CASE WHEN o % 53 = 0 THEN 4 WHEN o > :orders * 0.99 THEN 1 WHEN o > :orders * 0.97 THEN 2 ELSE 3 END] AS status,
       'EUR'::char(3) AS currency, t.total,
       CASE WHEN o % 10 = 0 THEN ARRAY['gift'] WHEN o % 33 = 0 THEN ARRAY['express', 'gift'] ELSE '{}'::text[] END AS tags,
       jsonb_build_object('channel', (ARRAY['web', 'app', 'store'])[1 + o % 3]) AS details
FROM generate_series(1::bigint, :orders) o
JOIN (SELECT order_id, sum(quantity * unit_price)::numeric(12,2) AS total FROM shop.order_lines GROUP BY 1) t ON t.order_id = o;
ALTER TABLE shop.orders ADD PRIMARY KEY (id);
ALTER TABLE shop.order_lines ADD PRIMARY KEY (order_id, line_no);
ANALYZE shop.orders;
ANALYZE shop.order_lines;
