SELECT c.country, count(*) AS orders, sum(o.total) AS total
FROM orders o JOIN crm.customers c ON c.id = o.customer_id
GROUP BY c.country
