-- One row per customer. What this reads are its input ports; Weft finds them here.
WITH placed AS (
    SELECT customer_id, count(*) AS orders, sum(total) AS revenue, max(ordered_at) AS last_order_at
    FROM sales.orders
    GROUP BY customer_id
), refunds AS (
    SELECT o.customer_id, count(*) AS refunded_payments
    FROM payments.payments p
    JOIN sales.orders o ON o.id = p.order_id
    WHERE p.status = 'refunded'
    GROUP BY o.customer_id
), waiting AS (
    SELECT customer_id, count(*) AS open_tickets
    FROM customers.tickets
    WHERE status = 'open'
    GROUP BY customer_id
)
SELECT c.id AS customer_id, c.email, c.country, c.segment,
       coalesce(placed.orders, 0) AS orders,
       coalesce(placed.revenue, 0) AS revenue,
       placed.last_order_at,
       coalesce(refunds.refunded_payments, 0) AS refunded_payments,
       coalesce(waiting.open_tickets, 0) AS open_tickets
FROM customers.customers c
LEFT JOIN placed ON placed.customer_id = c.id
LEFT JOIN refunds ON refunds.customer_id = c.id
LEFT JOIN waiting ON waiting.customer_id = c.id
