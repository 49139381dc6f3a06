/* Manifests: what is read, every kind of mistake with its place, what a change breaks. */
#include "base/testing.h"

#include "base/str.h"
#include "manifest/manifest.h"

#define MESH                                                                                       \
	{                                                                                          \
		"mesh.yaml",                                                                       \
			"apiVersion: weft/v1\nkind: Mesh\nmetadata: {name: shop}\nspec: {owners: " \
			"[admins]}\n"                                                              \
	}
#define DOMAIN                                                                                     \
	{                                                                                          \
		"domains/sales/domain.yaml", "apiVersion: weft/v1\nkind: Domain\nmetadata: "       \
					     "{name: sales}\nspec:\n  owners: "                    \
					     "[sales-owners]\n  infrastructure: {quotas: {bytes: " \
					     "10GB, concurrentRuns: 2}, "                          \
					     "retention: 30d}\n"                                   \
	}
#define SOURCE                                                                                     \
	{                                                                                          \
		"domains/sales/sources/erp.yaml", "apiVersion: weft/v1\nkind: Source\nmetadata: "  \
						  "{name: erp}\nspec:\n  connector: "              \
						  "csv\n  path: orders.csv\n"                      \
	}
#define PRODUCT                                                                                    \
	{                                                                                          \
		"domains/sales/orders/product.yaml",                                               \
			"apiVersion: v1.0.0\nkind: DataProduct\nid: p1\nname: orders\nversion: "   \
			"1.2.0\nstatus: active\ndomain: sales\noutputPorts:\n  - {name: orders, "  \
			"version: "                                                                \
			"1.2.0, contractId: c1}\n"                                                 \
	}
#define CONTRACT(columns)                                                                          \
	{                                                                                          \
		"domains/sales/orders/orders.odcs.yaml",                                           \
			"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: " \
			"active\nschema:\n  - name: orders\n    properties:\n" columns             \
	}
#define ID "      - {name: id, logicalType: integer, required: true, primaryKey: true}\n"
#define TOTAL "      - {name: total, physicalType: 'numeric(12,2)'}\n"
#define PIPELINE                                                                                   \
	{                                                                                          \
		"domains/sales/orders/pipeline.yaml",                                              \
			"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  " \
			"ingest:\n    - {table: orders, source: erp}\n  schedule: {cron: '0 * * "  \
			"* *'}\n"                                                                  \
	}

struct text_file {
	const char *path;
	const char *text;
};

static size_t to_files(const struct text_file *from, size_t count, struct manifest_file *to)
{
	for (size_t i = 0; i < count; i++)
		to[i] = (struct manifest_file){
			slice_from_c(from[i].path), slice_from_c(from[i].text)};
	return count;
}

static void test_whole(void **state)
{
	static const struct text_file TEXTS[] = {MESH, DOMAIN, SOURCE, PRODUCT, CONTRACT(ID TOTAL),
		PIPELINE,
		{"domains/sales/policies/eu.yaml",
			"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: eu}\nspec:\n  effect: "
			"mask\n  on: {tags: [pii]}\n  unless: {purposes: [fraud]}\n  mask: "
			"{method: null}\n"},
		{"README.md", "hello"}};
	struct arena *arena = arena_new();
	struct manifest_file files[array_len(TEXTS)];
	struct manifest_set set;
	struct manifest_problems problems = {0};

	(void)state;
	to_files(TEXTS, array_len(TEXTS), files);
	bool ok = manifest_parse(arena, files, array_len(files), &set, &problems);

	for (size_t i = 0; i < problems.len; i++)
		print_message("%.*s:%d: %.*s\n", SLICE_FMT(problems.items[i].at.path),
			problems.items[i].at.line, SLICE_FMT(problems.items[i].message));
	assert_true(ok);
	assert_int_equal(set.domains[0].quota_bytes, 10000000000);
	assert_int_equal(set.domains[0].retention_us, INT64_C(30) * 86400 * 1000000);
	assert_int_equal(set.products[0].ports[0].major, 1);
	const struct manifest_schema *schema =
		manifest_port_schema(&set, &set.products[0].ports[0]);

	assert_non_null(schema);
	assert_true(slice_equal_c(schema->columns[1].type, "DECIMAL(12,2)"));
	assert_int_equal(schema->columns[0].key_position, 1);
	assert_true(slice_equal_c(set.policies[0].mask_method, "null"));
	assert_true(slice_equal_c(set.policies[0].domain, "sales"));
	assert_int_equal(set.pipelines[set.products[0].pipeline].ingest_count, 1);
	arena_free(&arena);
}

#define HEAD "apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: active\n"
#define COLUMN "schema:\n  - name: orders\n    properties:\n      - {name: id, "

static const struct {
	const char *path;
	const char *text;
	int line;
	int column;
	const char *piece;
} MISTAKES[] = {
	{"domains/sales/domain.yaml", "a: [", 2, 0, "not valid YAML"},
	{"domains/sales/domain.yaml", "a: &x 1\nb: *x\n", 1, 0, "anchors"},
	{"domains/sales/domain.yaml", "a: 1\na: 2\n", 2, 1, ""},
	{"domains/sales/domain.yaml", "<<: {a: 1}\n", 1, 1, "merge"},
	{"domains/sales/domain.yaml", "--- 1\n--- 2\n", 0, 0, ""},
	{"domains/sales/domain.yaml", "a: !!int 1\n", 1, 0, "tags"},
	{"domains/sales/domain.yaml", "? [a]\n: 1\n", 1, 0, "key"},
	{"domains/sales/domain.yaml", "", 1, 1, "lacks"},
	{"domains/sales/domain.yaml", "- a\n", 1, 0, "list"},
	{"domains/sales/domain.yaml", "a: \xff\n", 1, 1, "UTF-8"},
	{"domains/sales/domain.yaml",
		"apiVersion: weft/v1\nkind: Domain\nmetadata: {name: sales}\nspec:\n  "
		"ownrs: [x]\n  owners: [x]\n",
		5, 3, "ownrs"},
	{"domains/sales/domain.yaml",
		"apiVersion: weft/v1\nkind: Domian\nmetadata: {name: sales}\nspec: "
		"{owners: [x]}\n",
		2, 7, "Domian"},
	{"domains/sales/domain.yaml",
		"apiVersion: weft/v1\nkind: Domain\nmetadata: {name: other}\nspec: "
		"{owners: [x]}\n",
		3, 0, "does not fit"},
	{"domains/sales/domain.yaml",
		"apiVersion: weft/v1\nkind: Domain\nmetadata: {name: sales}\nspec:\n  "
		"owners: [x]\n  hidden: perhaps\n",
		6, 11, "hidden"},
	{"domains/sales/domain.yaml",
		"apiVersion: weft/v1\nkind: Domain\nmetadata: {name: sales}\nspec:\n  "
		"owners: [x]\n  infrastructure: {quotas: {bytes: 10 parsecs}}\n",
		6, 0, "bytes"},
	{"domains/sales/sources/erp.yaml",
		"apiVersion: weft/v1\nkind: Source\nmetadata: {name: erp}\nspec:\n  "
		"connector: postgres\n  host: h\n  database: d\n  password: hunter2\n",
		8, 13, "not a reference"},
	{"domains/sales/sources/erp.yaml",
		"apiVersion: weft/v1\nkind: Source\nmetadata: {name: erp}\nspec:\n  "
		"connector: cvs\n  path: x\n",
		5, 14, "cvs"},
	{"domains/sales/sources/erp.yaml",
		"apiVersion: weft/v1\nkind: Source\nmetadata: {name: erp}\nspec:\n  "
		"connector: csv\n",
		5, 3, "path"},
	{"domains/sales/orders/product.yaml",
		"apiVersion: v1.0.0\nkind: DataProduct\nid: p1\nname: orders\nstatus: "
		"active\noutputPorts:\n  - {name: orders, version: 1.0.0, contractId: "
		"nope}\n",
		7, 5, "no contract"},
	{"domains/sales/Good-Name/product.yaml",
		"apiVersion: v1.0.0\nkind: DataProduct\nid: p1\nname: Orders!\nstatus: "
		"active\noutputPorts: []\n",
		1, 1, "no name of a product"},
	{"domains/sales/orders/product.yaml",
		"apiVersion: v1.0.0\nkind: DataProduct\nid: p1\nname: orders\nstatus: "
		"active\noutputPorts:\n  - {name: orders, version: one, contractId: c1}\n",
		7, 0, ""},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    properties:\n      - {name: id, "
		"physicalType: blorb}\n",
		9, 9, "no type"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    properties:\n      - {name: id, "
		"logicalType: integer}\n      - {name: ID, logicalType: integer}\n",
		10, 9, "twice"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    quality: [{metric: rowCount}]\n    "
		"properties:\n      - {name: id, logicalType: integer}\n",
		8, 15, "operator"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    quality: [{metric: rowCount, "
		"mustBeBetween: [5, 1]}]\n    properties:\n      - {name: id, logicalType: "
		"integer}\n",
		8, 0, "mustBeBetween"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  "
		"ingest:\n    - {table: order, source: erp}\n",
		6, 7, "no output port"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  "
		"ingest:\n    - {table: orders, source: crm}\n",
		6, 7, "no source"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  "
		"ingest:\n    - {table: orders, source: erp, mode: incremental}\n",
		6, 7, "cursor"},
	{"domains/sales/orders/lines.sql", "select 1", 0, 0, "no output port"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: "
		"filter\n  on: {tables: [sales.orders]}\n",
		5, 3, "filter"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: "
		"allow\n  on: {}\n",
		6, 7, "empty"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: "
		"allow\n  on: {products: []}\n",
		6, 18, "empty"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: "
		"allow\n  on: {products: [a]}\n  to: []\n",
		7, 7, "empty"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: "
		"allow\n  on: {products: [a]}\n  to: {}\n",
		7, 7, "empty"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: "
		"allow\n  on: {products: [a]}\n  to:\n    groups:\n",
		0, 0, "empty"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: "
		"allow\n  on: {products: [a]}\n  to: [{groups: [x]}, {gruops: [y]}]\n",
		7, 0, "gruops"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: a\n    properties:\n      - {name: id, logicalType: "
		"integer}\n  - name: b\n    properties:\n      - {name: id, logicalType: "
		"integer}\n",
		0, 0, "describes no table"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    quality: [{metric: nullValues, mustBe: "
		"0}]\n    properties:\n      - {name: id, logicalType: integer}\n",
		8, 0, "names no column"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    properties:\n      - {name: id, "
		"logicalType: integer, quality: [{metric: rowCount, mustBe: 1}]}\n",
		9, 0, "rowCount"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    properties:\n      - {name: id, "
		"logicalType: integer, primaryKey: true}\n      - {name: b, logicalType: integer, "
		"primaryKey: true}\n",
		10, 0, "one place"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    properties:\n      - {name: id, "
		"logicalType: integer}\nslaProperties: [{property: freshness, value: soon}]\n",
		10, 0, "no time"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    properties:\n      - {name: id, "
		"logicalType: integer}\nslaProperties: [{property: freshness}]\n",
		10, 0, "lacks"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    quality: [{metric: rowCount, mustBe: 1, "
		"mustNotBe: 2}]\n    properties:\n      - {name: id, logicalType: integer}\n",
		8, 0, "two operators"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    quality: [{metric: rowcount, mustBe: 1}]\n "
		"   properties:\n      - {name: id, logicalType: integer}\n",
		8, 0, "rowcount"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    quality: [{type: sql, mustBe: 1}]\n    "
		"properties:\n      - {name: id, logicalType: integer}\n",
		8, 0, "query"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    quality: [{metric: rowCount, mustBe: "
		"many}]\n    properties:\n      - {name: id, logicalType: integer}\n",
		8, 0, "mustBe"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema: {}\n",
		6, 0, "schema"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - properties: []\n",
		7, 0, "lacks"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    properties: [{logicalType: integer}]\n",
		8, 0, "lacks"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema:\n  - name: orders\n    properties: [{name: id, logicalType: "
		"int}]\n",
		8, 0, "logicalType"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschma: []\n",
		6, 0, "schma"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 2.0.0\nstatus: "
		"active\nschema: []\n",
		0, 0, "no contract"},
	{"domains/sales/orders/orders.odcs.yaml",
		"apiVersion: v9\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: "
		"active\nschema: []\n",
		1, 0, "apiVersion"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  ingest: "
		"[{table: orders, source: erp, mode: incremental, cursor: idd}]\n",
		5, 0, "cursor"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  ingest: "
		"[{table: orders, source: erp, partitionBy: [nope]}]\n",
		5, 0, "partitionBy"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  ingest: "
		"[{table: orders, source: erp}, {table: orders, source: erp}]\n",
		5, 0, "more than once"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  ingest: "
		"[{table: orders, source: erp, object: a, query: b}]\n",
		5, 0, "object and query"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  ingest: "
		"[{table: orders, source: erp, drift: explode}]\n",
		5, 0, "drift"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  ingest: "
		"[{table: orders, source: erp, mode: partial}]\n",
		5, 0, "mode"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  ingest: "
		"[{table: orders@7, source: erp}]\n",
		5, 0, "no output port"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  schedule: "
		"{timeZone: UTC}\n",
		5, 0, "cron"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  retries: "
		"{max: -1}\n",
		5, 0, "max"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  retries: "
		"{max: 1, backoff: 5 parsecs}\n",
		5, 0, "backoff"},
	{"domains/sales/orders/pipeline.yaml",
		"apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  triggers: "
		"{upstream: some}\n",
		5, 0, "upstream"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: mask\n  "
		"on: {tags: [a]}\n  mask: {method: partial}\n",
		7, 0, "partial"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: mask\n  "
		"on: {tags: [a]}\n  mask: {method: constant}\n",
		7, 0, "constant"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: mask\n  "
		"on: {tags: [a]}\n  mask: {method: truncate}\n",
		7, 0, "truncate"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: mask\n  "
		"on: {tags: [a]}\n  mask: {method: rot13}\n",
		7, 0, "method"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: mask\n  "
		"on: {tags: [a]}\n",
		5, 0, "lacks"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: "
		"suppress\n  on: {tags: [a]}\n",
		5, 0, "minGroup"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: "
		"suppress\n  on: {tags: [a]}\n  minGroup: -5\n",
		7, 0, "minGroup"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: allow\n  "
		"on: {tags: [a]}\n  filter: a\n",
		5, 0, "filter"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: permit\n "
		" on: {tags: [a]}\n",
		5, 0, "permit"},
	{"governance/policies/p.yaml",
		"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  effect: allow\n",
		5, 0, "lacks"},
	{"domains/mesh/domain.yaml",
		"apiVersion: weft/v1\nkind: Domain\nmetadata: {name: mesh}\nspec: {owners: [x]}\n",
		1, 0, "reserved"},
	{"domains/sales/sources/erp.yaml",
		"apiVersion: weft/v1\nkind: Source\nmetadata: {name: erp}\nspec: {connector: csv, "
		"path: a, url: b}\n",
		4, 0, "path and url"},
	{"domains/sales/sources/erp.yaml",
		"apiVersion: weft/v1\nkind: Source\nmetadata: {name: erp}\nspec: {connector: "
		"postgres, host: a}\n",
		4, 0, "lacks host"},
	{"domains/sales/sources/erp2.yaml",
		"apiVersion: weft/v1\nkind: Source\nmetadata: {name: erp}\nspec: {connector: csv, "
		"path: a}\n",
		0, 0, "already"},
	{"domains/sales/sources/two.yaml",
		"apiVersion: weft/v1\nkind: Source\nmetadata: {name: two}\nspec: {connector: csv, "
		"path: a, password: {fromFile: a, fromEnv: b}}\n",
		4, 0, "reference"},
	{"governance/vocabulary.yaml",
		"apiVersion: weft/v1\nkind: Vocabulary\nmetadata: {name: v}\nspec: {tags: "
		"[{description: x}]}\n",
		4, 0, "lacks"},
	{"mesh.yaml", "apiVersion: weft/v2\nkind: Mesh\nmetadata: {name: m}\nspec: {owners: [a]}\n",
		1, 0, "apiVersion"},
	{"domains/sales/orders/orders.odcs.yaml",
		HEAD "servers:\n  - {server: a, type: postgres}\n", 7, 5,
		"a server of type postgres lacks \"host\""},
	{"domains/sales/orders/orders.odcs.yaml",
		HEAD "servers: [{server: a, type: s3, locaton: b}]\n", 6, 33, "locaton"},
	{"domains/sales/orders/orders.odcs.yaml", HEAD "team: {members: [{name: x}]}\n", 6, 0,
		"a team member lacks \"username\""},
	{"domains/sales/orders/orders.odcs.yaml", HEAD "team: [{username: x, dateIn: soon}]\n", 6,
		0, "dateIn"},
	{"domains/sales/orders/orders.odcs.yaml", HEAD "roles: [{acces: read}]\n", 6, 10, "acces"},
	{"domains/sales/orders/orders.odcs.yaml", HEAD "support: [{url: x}]\n", 6, 0, "channel"},
	{"domains/sales/orders/orders.odcs.yaml", HEAD "price: {priceAmount: free}\n", 6, 0,
		"priceAmount"},
	{"domains/sales/orders/orders.odcs.yaml",
		HEAD "slaProperties: [{property: latency, value: [4]}]\n", 6, 0, "value"},
	{"domains/sales/orders/orders.odcs.yaml", HEAD "customProperties: [{property: a}]\n", 6, 0,
		"lacks \"value\""},
	{"domains/sales/orders/orders.odcs.yaml", HEAD "contractCreatedTs: yesterday\n", 6, 0,
		"contractCreatedTs"},
	{"domains/sales/orders/orders.odcs.yaml", HEAD "tags: pii\n", 6, 0, "tags"},
	{"domains/sales/orders/orders.odcs.yaml",
		HEAD COLUMN "logicalType: string, logicalTypeOptions: {minimum: 1}}\n", 9, 0,
		"options of a string has no key \"minimum\""},
	{"domains/sales/orders/orders.odcs.yaml",
		HEAD COLUMN "logicalType: string, items: {logicalType: string}}\n", 9, 0,
		"a property of logicalType string has no key \"items\""},
	{"domains/sales/orders/orders.odcs.yaml",
		HEAD COLUMN "logicalType: string, relationships: [{to: nowhere}]}\n", 9, 0, "to"},
	{"domains/sales/orders/orders.odcs.yaml",
		HEAD COLUMN "logicalType: string, relationships: [{from: a.b, to: a.c}]}\n", 9, 0,
		"has no key \"from\""},
	{"domains/sales/orders/orders.odcs.yaml",
		HEAD COLUMN "logicalType: string, quality: [{type: custom, engine: x}]}\n", 9, 0,
		"lacks \"implementation\""},
	{"domains/sales/orders/orders.odcs.yaml",
		HEAD COLUMN "logicalType: string, quality: [{type: text, mustBe: 1}]}\n", 9, 0,
		"a quality rule of type text has no key \"mustBe\""},
	{"domains/sales/orders/product.yaml",
		"apiVersion: v1.0.0\nkind: DataProduct\nid: p1\nname: orders\nstatus: active\n"
		"outputPorts: []\nsupport: [{channel: a}]\nteam: [{usrname: a}]\n",
		8, 9, "usrname"},
	{"domains/sales/orders/product.yaml",
		"apiVersion: v1.0.0\nkind: DataProduct\nid: p1\nname: orders\nstatus: active\n"
		"outputPorts: []\ninputPorts: [{name: a, version: 1.0.0}]\n",
		7, 0, "contractId"},
	{"domains/sales/orders/product.yaml",
		"apiVersion: v1.0.0\nkind: DataProduct\nid: p1\nname: orders\nstatus: active\n"
		"outputPorts: []\nauthoritativeDefinitions: [{type: tutorail, url: x}]\n",
		7, 0, "tutorail"},
	{"domains/other/orders/product.yaml", "{}", 0, 0, ""},
	{"../etc/passwd", "x", 0, 0, "no path"},
	{"/etc/passwd", "x", 0, 0, "no path"},
	{"domains/sales/../x/product.yaml", "x", 0, 0, "no path"},
	{"stray.yaml", "x", 0, 0, "belongs here"},
	{"domains/sales/orders/deep/product.yaml", "x", 0, 0, "belongs here"},
};

/* One file in a mesh that is right otherwise: where an error must be (line 0: anywhere), and a
 * piece of its text. */
static void test_mistakes(void **state)
{
	static const struct text_file BASE[] = {
		MESH, DOMAIN, SOURCE, PRODUCT, CONTRACT(ID TOTAL), PIPELINE};

	(void)state;
	for (size_t i = 0; i < array_len(MISTAKES); i++) {
		struct arena *arena = arena_new();
		struct manifest_file files[array_len(BASE) + 1];
		size_t count = to_files(BASE, array_len(BASE), files);
		struct manifest_set set;
		struct manifest_problems problems = {0};
		size_t at = 0;
		bool found = false;

		while (at < count && !slice_equal_c(files[at].path, MISTAKES[i].path))
			at++;
		count += at == count;
		files[at] = (struct manifest_file){
			slice_from_c(MISTAKES[i].path), slice_from_c(MISTAKES[i].text)};
		assert_false(manifest_parse(arena, files, count, &set, &problems));
		for (size_t k = 0; k < problems.len; k++) {
			const struct manifest_problem *p = &problems.items[k];

			found = found ||
				((MISTAKES[i].line == 0 ||
					 slice_equal_c(p->at.path, MISTAKES[i].path)) &&
					(MISTAKES[i].line == 0 || p->at.line == MISTAKES[i].line) &&
					(MISTAKES[i].column == 0 ||
						p->at.column == MISTAKES[i].column) &&
					slice_find(p->message, slice_from_c(MISTAKES[i].piece),
						0) != SIZE_MAX);
		}
		if (!found)
			print_message("row %zu, wanted %s\n", i, MISTAKES[i].piece);
		if (!found)
			for (size_t k = 0; k < problems.len; k++)
				print_message("row %zu: %.*s:%d:%d: %.*s\n", i,
					SLICE_FMT(problems.items[k].at.path),
					problems.items[k].at.line, problems.items[k].at.column,
					SLICE_FMT(problems.items[k].message));
		assert_true(found);
		arena_free(&arena);
	}
}

/* Warnings, with a suggestion where a name is near. */
static void test_warnings(void **state)
{
#define POLICY(rest)                                                                               \
	{                                                                                          \
		"governance/policies/p.yaml",                                                      \
			"apiVersion: weft/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  "        \
			"effect: deny\n" rest                                                      \
	}
	static const struct {
		struct text_file file;
		const char *message; /* NULL = no warning */
		const char *hint;
	} ROWS[] = {
		{POLICY("  on: {products: [orders]}\n"), NULL, NULL},
		{POLICY("  on: {products: [sales.*]}\n"), NULL, NULL},
		{POLICY("  on: {tables: [sales.orders.orders]}\n"), NULL, NULL},
		{POLICY("  on: {columns: ['*.*.to*']}\n"), NULL, NULL},
		{POLICY("  on: {columns: [ID]}\n"), NULL, NULL},
		{POLICY("  on: {products: [sales.order]}\n"), "product \"sales.order\"",
			"did you mean \"sales.orders\"?"},
		{POLICY("  on: {tables: [sale.orders]}\n"), "table \"sale.orders\"",
			"did you mean \"sales.orders\"?"},
		{POLICY("  on: {columns: [sales.orders.totl]}\n"), "column", NULL},
		{POLICY("  on: {columns: [totl]}\n"), "column", "did you mean \"total\"?"},
		{POLICY("  on: {tags: [pii]}\n"), "tag \"pii\"", NULL},
		{{"domains/sales/orders/pipeline.yaml",
			 "apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec: "
			 "{}\n"},
			"nothing fills", "add it"},
	};
	static const struct text_file BASE[] = {
		MESH, DOMAIN, SOURCE, PRODUCT, CONTRACT(ID TOTAL), PIPELINE};

	(void)state;
	for (size_t i = 0; i < array_len(ROWS); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct manifest_file files[array_len(BASE) + 1];
		size_t count = to_files(BASE, array_len(BASE), files);
		struct manifest_set set;
		struct manifest_problems problems = {0};
		bool last = slice_equal_c(files[count - 1].path, ROWS[i].file.path);

		files[last ? count - 1 : count++] = (struct manifest_file){
			slice_from_c(ROWS[i].file.path), slice_from_c(ROWS[i].file.text)};
		assert_true(manifest_parse(arena, files, count, &set, &problems));
		assert_int_equal(problems.len, ROWS[i].message != NULL);
		if (!ROWS[i].message)
			continue;
		assert_true(problems.items[0].warning);
		assert_int_not_equal(
			slice_find(problems.items[0].message, slice_from_c(ROWS[i].message), 0),
			SIZE_MAX);
		if (ROWS[i].hint)
			assert_int_not_equal(
				slice_find(problems.items[0].hint, slice_from_c(ROWS[i].hint), 0),
				SIZE_MAX);
		else
			assert_true(slice_is_none(problems.items[0].hint));
	}
#undef POLICY
}

static void test_suggestion(void **state)
{
	static const struct text_file TEXTS[] = {
		MESH, {"domains/sales/domain.yaml", "apiVersion: weft/v1\nkind: Domain\nmetadata: "
						    "{name: sales}\nspec:\n  ownrs: [x]\n"}};
	struct arena *arena = arena_new();
	struct manifest_file files[array_len(TEXTS)];
	struct manifest_set set;
	struct manifest_problems problems = {0};

	(void)state;
	to_files(TEXTS, array_len(TEXTS), files);
	assert_false(manifest_parse(arena, files, array_len(files), &set, &problems));
	assert_int_equal(problems.len, 2); /* the unknown key and the missing one: all at once */
	assert_true(slice_equal_c(problems.items[1].hint, "did you mean \"owners\"?") ||
		    slice_equal_c(problems.items[0].hint, "did you mean \"owners\"?"));
	arena_free(&arena);
}

static void test_breaking(void **state)
{
	static const struct {
		struct text_file contract;
		const char *column;
		const char *what; /* NULL = breaks nothing */
	} rows[] = {
		{CONTRACT(ID TOTAL), NULL, NULL},
		{CONTRACT(ID), "total", "removed"},
		{CONTRACT(ID "      - {name: total, logicalType: string}\n"), "total",
			"type DECIMAL(12,2) became VARCHAR"},
		{CONTRACT(ID TOTAL "      - {name: more, logicalType: string}\n"), NULL, NULL},
		{CONTRACT("      - {name: id, logicalType: integer, primaryKey: true}\n" TOTAL),
			"id", "was never null, now may be"},
		{CONTRACT("      - {name: id, logicalType: integer, required: true}\n" TOTAL), "id",
			"its place in the primary key changed"},
		{CONTRACT("      - {name: id, physicalType: hugeint, required: true, primaryKey: "
			  "true}\n" TOTAL),
			NULL, NULL},
		{CONTRACT("      - {name: id, physicalType: int, required: true, primaryKey: "
			  "true}\n" TOTAL),
			"id", "type BIGINT became INTEGER"},
	};
	static const struct text_file BASE[] = {
		MESH, DOMAIN, SOURCE, PRODUCT, PIPELINE, CONTRACT(ID TOTAL)};

	(void)state;
	for (size_t i = 0; i < array_len(rows); i++) {
		struct arena *arena = arena_new();
		struct manifest_file before[array_len(BASE)];
		struct manifest_file after[array_len(BASE)];
		struct manifest_set old_set;
		struct manifest_set new_set;
		struct manifest_problems problems = {0};
		struct manifest_break *breaks;
		struct manifest_step *changes;
		size_t count;
		size_t change_count;

		to_files(BASE, array_len(BASE), before);
		to_files(BASE, array_len(BASE), after);
		after[array_len(BASE) - 1].text = slice_from_c(rows[i].contract.text);
		assert_true(manifest_parse(arena, before, array_len(before), &old_set, &problems));
		assert_true(manifest_parse(arena, after, array_len(after), &new_set, &problems));
		manifest_breaking(arena, &old_set, &new_set, &breaks, &count);
		assert_int_equal(count, rows[i].what != NULL);
		if (rows[i].what) {
			assert_true(slice_equal_c(breaks[0].column, rows[i].column));
			assert_true(slice_equal_c(breaks[0].what, rows[i].what));
			assert_true(breaks[0].at.line > 0);
		}
		manifest_diff(arena, &(struct manifest_side){before, array_len(before), &old_set},
			&(struct manifest_side){after, array_len(after), &new_set}, &changes,
			&change_count);
		assert_int_equal(
			change_count, i == 0 ? 0 : 2); /* the contract, and its product's data */
		arena_free(&arena);
	}
}

/* One file changed: how many steps, and what the plan says of it. */
static void test_diff(void **state)
{
	static const struct {
		struct text_file file;
		size_t steps;
		const char *detail; /* NULL = not looked at */
	} ROWS[] = {
		{{"domains/sales/domain.yaml",
			 "apiVersion: weft/v1\nkind: Domain\nmetadata: {name: sales}\nspec: "
			 "{owners: "
			 "[others], infrastructure: {quotas: {bytes: 10GB, concurrentRuns: 2}, "
			 "retention: 30d}}\n"},
			1, "spec.owners[1]: sales-owners became others"},
		{{"domains/sales/sources/erp.yaml",
			 "apiVersion: weft/v1\nkind: Source\nmetadata: {name: erp}\nspec: "
			 "{connector: csv, path: other.csv}\n"},
			2, "spec.path: orders.csv became other.csv"},
		{{"domains/sales/sources/erp.yaml",
			 "apiVersion: weft/v1\nkind: Source\nmetadata: {name: erp}\nspec: "
			 "{connector: csv, path: orders.csv, description: x}\n"},
			1, "spec.description added"},
		{{"domains/sales/orders/pipeline.yaml",
			 "apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  "
			 "ingest:\n    - {table: orders, source: erp}\n  schedule: {cron: '5 * * * "
			 "*'}\n"},
			1, "spec.schedule.cron: 0 * * * * became 5 * * * *"},
		{{"domains/sales/orders/pipeline.yaml",
			 "apiVersion: weft/v1\nkind: Pipeline\nmetadata: {name: orders}\nspec:\n  "
			 "ingest:\n    - {table: orders, source: erp, drift: add}\n  schedule: "
			 "{cron: '0 * * * *'}\n"},
			2, "spec.ingest[orders].drift added"},
		{CONTRACT(ID
			 "      - {name: total, physicalType: 'numeric(12,2)', description: x}\n"),
			1, "schema[orders].properties[total].description added"},
		{CONTRACT(ID "      - {name: total, physicalType: 'numeric(14,2)'}\n"), 2,
			"column total: type DECIMAL(12,2) became DECIMAL(14,2)"},
		{{"README.md", "new"}, 1, NULL},
	};
	static const struct text_file BASE[] = {
		MESH, DOMAIN, SOURCE, PRODUCT, CONTRACT(ID TOTAL), PIPELINE};

	(void)state;
	for (size_t i = 0; i < array_len(ROWS); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct manifest_file before[array_len(BASE)];
		struct manifest_file after[array_len(BASE) + 1];
		struct manifest_set sets[2];
		struct manifest_problems problems = {0};
		struct manifest_step *steps;
		size_t at = 0;
		size_t count;

		to_files(BASE, array_len(BASE), before);
		to_files(BASE, array_len(BASE), after);
		while (at < array_len(BASE) && !slice_equal_c(after[at].path, ROWS[i].file.path))
			at++;
		after[at] = (struct manifest_file){
			slice_from_c(ROWS[i].file.path), slice_from_c(ROWS[i].file.text)};
		size_t after_count = array_len(BASE) + (at == array_len(BASE));

		assert_true(manifest_parse(arena, before, array_len(BASE), &sets[0], &problems));
		assert_true(manifest_parse(arena, after, after_count, &sets[1], &problems));
		manifest_diff(arena, &(struct manifest_side){before, array_len(BASE), &sets[0]},
			&(struct manifest_side){after, after_count, &sets[1]}, &steps, &count);
		assert_int_equal(count, ROWS[i].steps);
		if (!ROWS[i].detail)
			continue;
		assert_int_equal(steps[0].details.len, 1);
		assert_string_equal(steps[0].details.items[0].ptr, ROWS[i].detail);
	}
}

static void test_values(void **state)
{
	static const struct {
		const char *physical;
		const char *logical;
		const char *type;
	} types[] = {
		{"numeric(12, 2)", NULL, "DECIMAL(12,2)"},
		{"varchar(40)", NULL, "VARCHAR"},
		{"timestamptz", NULL, "TIMESTAMP WITH TIME ZONE"},
		{"int[]", NULL, "INTEGER[]"},
		{NULL, "boolean", "BOOLEAN"},
		{"geometry", "string", "VARCHAR"},
		{"decimal(40,2)", NULL, NULL},
		{"jsonb", "object", "JSON"},
		{NULL, NULL, NULL},
	};
	struct arena *arena = arena_new();
	int64_t value;

	(void)state;
	for (size_t i = 0; i < array_len(types); i++) {
		struct slice type = manifest_type(
			arena, slice_from_c(types[i].physical), slice_from_c(types[i].logical));

		assert_true(slice_equal(type, slice_from_c(types[i].type)));
	}
	assert_true(manifest_size(SLICE("1GiB"), &value) && value == 1 << 30);
	assert_false(manifest_size(SLICE("99999999999999TB"), &value));
	assert_true(manifest_duration(SLICE("90 min"), &value) && value == INT64_C(5400000000));
	assert_false(manifest_duration(SLICE("5"), &value));
	arena_free(&arena);
}

/* Types of columns whose physicalType says nothing. */
static void test_logical_types(void **state)
{
	static const struct {
		struct text_file contract;
		const char *type;
	} ROWS[] = {
		{CONTRACT("      - {name: a, logicalType: integer}\n"), "BIGINT"},
		{CONTRACT("      - {name: a, logicalType: integer, logicalTypeOptions: {format: "
			  "u16}}\n"),
			"USMALLINT"},
		{CONTRACT("      - {name: a, logicalType: number, logicalTypeOptions: {format: "
			  "f32}}\n"),
			"FLOAT"},
		{CONTRACT("      - {name: a, logicalType: integer, physicalType: smallint, "
			  "logicalTypeOptions: {format: i64}}\n"),
			"SMALLINT"},
		{CONTRACT("      - {name: a, logicalType: timestamp, logicalTypeOptions: "
			  "{timezone: false}}\n"),
			"TIMESTAMP"},
		{CONTRACT("      - {name: a, logicalType: timestamp}\n"),
			"TIMESTAMP WITH TIME ZONE"},
		{CONTRACT("      - {name: a, logicalType: array, items: {logicalType: string}}\n"),
			"VARCHAR[]"},
		{CONTRACT("      - {name: a, logicalType: array}\n"), "JSON"},
	};

	(void)state;
	for (size_t i = 0; i < array_len(ROWS); i++) {
		const struct text_file texts[] = {
			MESH, DOMAIN, SOURCE, PRODUCT, PIPELINE, ROWS[i].contract};
		scoped(arena_free) struct arena *arena = arena_new();
		struct manifest_file files[array_len(texts)];
		struct manifest_set set;
		struct manifest_problems problems = {0};

		to_files(texts, array_len(texts), files);
		assert_true(manifest_parse(arena, files, array_len(files), &set, &problems));
		assert_true(
			slice_equal_c(set.contracts[0].schemas[0].columns[0].type, ROWS[i].type));
	}
}

static void test_format(void **state)
{
	struct arena *arena = arena_new();
	struct slice once;
	struct slice twice;
	struct error err;

	(void)state;
	assert_true(manifest_format(
		arena, SLICE("# top\nb:   1\na: [x,  y]\nc:\n    - d: 'q'\n"), &once, &err));
	assert_true(manifest_format(arena, once, &twice, &err));
	assert_true(slice_equal(once, twice));
	assert_false(manifest_format(arena, SLICE("a: ["), &once, &err));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_suggestion),
		cmocka_unit_test(test_breaking),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_logical_types),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
