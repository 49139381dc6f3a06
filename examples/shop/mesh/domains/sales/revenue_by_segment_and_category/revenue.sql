SELECT CAST(date_trunc('month', o.ordered_at) AS DATE) AS month, c.segment, p.category,
       count(DISTINCT o.id) AS orders,
       sum(l.quantity * l.unit_price) AS revenue
FROM sales.order_lines l
JOIN sales.orders o ON o.id = l.order_id
JOIN customers.customers c ON c.id = o.customer_id
JOIN catalog.products p ON p.sku = l.sku
GROUP BY 1, 2, 3
