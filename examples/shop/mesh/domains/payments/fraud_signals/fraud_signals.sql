SELECT card_number, count(*) AS refunds, sum(amount) AS amount
FROM payments.payments
WHERE status = 'refunded' AND card_number IS NOT NULL
GROUP BY card_number
