"""Makes the sources of the demo mesh, the same bytes on every machine.

    generate.py OUT [--scale 1.0] [--only crm,catalog,inventory,payments] [--spoil]

Writes OUT/crm.db (SQLite), OUT/catalog/products.csv, OUT/inventory/stock-*.parquet and
OUT/payments/payments-YYYY-MM.ndjson. The orders live in PostgreSQL and are made by orders.sql with the same
arithmetic, so that payments add up to orders. Scale 1 is one million orders and 100,000 customers.
--spoil writes a catalogue with a negative price and a duplicate SKU, for the failing check of the tour.
"""
import argparse
import csv
import datetime
import pathlib
import sqlite3
import uuid

import pyarrow
import pyarrow.parquet

PRODUCTS = 2000
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
DAYS = 730  # orders spread over two years
COUNTRIES = ["DE", "DE", "DE", "FR", "FR", "NL", "ES", "IT", "US", "US", "GB", "PL"]
SEGMENTS = ["consumer", "consumer", "consumer", "consumer", "business", "business", "vip"]
FIRST = ["Ada", "Bruno", "Chloé", "Dmitri", "Elif", "Femke", "Giulia", "Håkon", "Inés", "Jürgen", "Katarzyna", "Liam",
         "Mona", "Noor", "Olga", "Paul", "Quentin", "Rosa", "Søren", "Tariq"]
LAST = ["Adler", "Bakker", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Horváth", "Ivanova", "Jansen", "Kowalski",
        "Lefèvre", "Müller", "Nowak", "O'Brien", "Petit", "Rossi", "Schmidt", "Tanaka", "Weber"]
CATEGORIES = ["Garden", "Kitchen", "Office", "Outdoor", "Sports", "Toys", "Electronics", "Books"]
BRANDS = ["Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ironwood", "Juniper"]
NOUNS = ["lamp", "chair", "kettle", "notebook", "backpack", "racket", "puzzle", "speaker", "novel", "shelf"]
METHODS = ["card", "card", "card", "invoice", "wallet"]
WAREHOUSES = ["BER", "LYO", "RTM", "MIL"]


# The arithmetic that orders.sql repeats.
def price_cents(product):
    return 499 + product * 7919 % 29500


def customer_of(order, customers):
    return 1 + (order * 48271 + order % 97 * 3571) % customers


def lines_of(order):
    for line in range(1, 2 + order * 13 % 4):
        product = (order * 69621 + line * 16807) % PRODUCTS
        yield product, 1 + (order * 31 + line * 17) % 3


def ordered_at(order, orders):
    return START + datetime.timedelta(seconds=order * DAYS * 86400 // orders + order * 7 % 3600)


def write_crm(path, customers):
    path.unlink(missing_ok=True)
    db = sqlite3.connect(path)
    db.executescript("""
        CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL, full_name TEXT NOT NULL, country TEXT NOT NULL,
            segment TEXT NOT NULL, birth_date DATE, phone TEXT, marketing_consent BOOLEAN NOT NULL,
            created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL);
        CREATE TABLE tickets (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, opened_at TIMESTAMP NOT NULL,
            topic TEXT NOT NULL, status TEXT NOT NULL, satisfaction INTEGER);""")

    def customer(i):
        first, last = FIRST[i * 7 % 20], LAST[i * 13 % 400 // 20]
        created = START - datetime.timedelta(days=i * 37 % 1000, seconds=i % 86400)
        return (i, f"{first}.{last}.{i}@example.org".lower().replace("'", ""), f"{first} {last}", COUNTRIES[i * 5 % 12],
                SEGMENTS[i * 3 % 7], None if i % 50 == 0 else (datetime.date(1945, 1, 1) + datetime.timedelta(days=i * 97 % 22000)).isoformat(),
                None if i % 9 == 0 else f"+49 30 {i * 7919 % 10000000:07d}", i % 3 == 0,
                created.strftime("%Y-%m-%d %H:%M:%S"), (created + datetime.timedelta(days=i % 400)).strftime("%Y-%m-%d %H:%M:%S"))

    def ticket(i):
        opened = START + datetime.timedelta(days=i * 11 % DAYS, seconds=i * 977 % 86400)
        return (i, 1 + i * 7919 % customers, opened.strftime("%Y-%m-%d %H:%M:%S"), ["delivery", "refund", "account", "product"][i % 4],
                ["open", "solved", "solved"][i % 3], None if i % 3 == 0 else 1 + i * 3 % 5)

    db.executemany("INSERT INTO customers VALUES (?,?,?,?,?,?,?,?,?,?)", map(customer, range(1, customers + 1)))
    db.executemany("INSERT INTO tickets VALUES (?,?,?,?,?,?)", map(ticket, range(1, customers // 4 + 1)))
    db.commit()
    db.close()


def write_catalog(folder, spoil):
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "products.csv", "w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(["sku", "name", "category", "brand", "price", "launched_on", "weight_g"])
        for p in range(PRODUCTS):
            cents = -price_cents(p) if spoil and p == 17 else price_cents(p)
            row = [f"SKU-{p:05d}", f"{BRANDS[p % 10]} {NOUNS[p // 10 % 10]} {p}", CATEGORIES[p * 7 % 8], BRANDS[p % 10],
                   f"{cents // 100 if cents >= 0 else -(-cents // 100)}.{abs(cents) % 100:02d}",
                   (datetime.date(2019, 1, 1) + datetime.timedelta(days=p % 1800)).isoformat(), 50 + p * 131 % 9000]
            rows.writerow(row)
            if spoil and p == 42:
                rows.writerow(row)


def write_inventory(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for w, warehouse in enumerate(WAREHOUSES):
        table = pyarrow.table({
            "sku": [f"SKU-{p:05d}" for p in range(PRODUCTS)],
            "warehouse": pyarrow.array([warehouse] * PRODUCTS).dictionary_encode(),
            "on_hand": pyarrow.array([(p * 31 + w * 101) % 500 for p in range(PRODUCTS)], pyarrow.int32()),
            "reserved": pyarrow.array([(p * 7 + w) % 20 for p in range(PRODUCTS)], pyarrow.int32()),
            "counted_at": pyarrow.array([START + datetime.timedelta(days=DAYS, minutes=p) for p in range(PRODUCTS)], pyarrow.timestamp("us", "UTC")),
        })
        pyarrow.parquet.write_table(table, folder / f"stock-{warehouse}.parquet", compression="snappy")


def write_payments(folder, orders):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.ndjson"):
        old.unlink()
    month, out = None, None
    for order in range(1, orders + 1):
        if order * 11 % 37 == 0:
            continue  # not paid yet
        at = ordered_at(order, orders) + datetime.timedelta(minutes=order % 600)
        if (at.year, at.month) != month:
            month = (at.year, at.month)
            if out:
                out.close()
            out = open(folder / f"payments-{at:%Y-%m}.ndjson", "a", encoding="utf-8")
        cents = sum(price_cents(p) * quantity for p, quantity in lines_of(order))
        method = METHODS[order % 5]
        card = f'"4{order * 104729 % 10**15:015d}"' if method == "card" else "null"
        out.write(f'{{"payment_id":"{uuid.UUID(int=(order * 0x9E3779B97F4A7C15) % 2**64 << 64 | order)}","order_id":{order},"amount":{cents // 100}.{cents % 100:02d},'
                  f'"currency":"EUR","method":"{method}","card_number":{card},"status":"{"refunded" if order % 41 == 0 else "settled"}",'
                  f'"paid_at":"{at:%Y-%m-%dT%H:%M:%SZ}","provider":{{"name":"{["stripe", "adyen"][order % 2]}","ref":"r{order * 7}"}}}}\n')
    if out:
        out.close()


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("out", type=pathlib.Path)
    args.add_argument("--scale", type=float, default=1.0)
    args.add_argument("--only", default="crm,catalog,inventory,payments")
    args.add_argument("--spoil", action="store_true")
    args = args.parse_args()
    orders = max(1000, int(1_000_000 * args.scale))
    customers = max(100, orders // 10)
    args.out.mkdir(parents=True, exist_ok=True)
    parts = args.only.split(",")
    if "crm" in parts:
        write_crm(args.out / "crm.db", customers)
    if "catalog" in parts:
        write_catalog(args.out / "catalog", args.spoil)
    if "inventory" in parts:
        write_inventory(args.out / "inventory")
    if "payments" in parts:
        write_payments(args.out / "payments", orders)


if __name__ == "__main__":
    main()
