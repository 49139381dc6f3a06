/* Mistakes in manifests: each with its place, a message and a suggestion. */
#include "base/testing.h"

#include "manifest/testing-mesh.h"

#define HEAD "apiVersion: v3.1.0\nkind: DataContract\nid: c1\nversion: 1.2.0\nstatus: active\n"
#define COLUMN "schema:\n  - name: orders\n    properties:\n      - {name: id, "

static const struct mistake {
	const char *path;
	const char *text;
	int line;   /* 0 = anywhere, in any file */
	int column; /* 0 = anywhere in the line */
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

static bool is_wanted(const struct manifest_problem *problem, const struct mistake *row)
{
	bool here = row->line == 0 ||
		    (slice_equal_c(problem->at.path, row->path) && problem->at.line == row->line);

	return here && (row->column == 0 || problem->at.column == row->column) &&
	       slice_find(problem->message, slice_from_c(row->piece), 0) != SIZE_MAX;
}

/* One file in a mesh that is right otherwise: where an error must be (line 0: anywhere), and a
 * piece of its text. */
static void test_mistakes(void **state)
{
	static const struct text_file BASE[] = {WHOLE};

	(void)state;
	for (size_t i = 0; i < array_len(MISTAKES); i++) {
		struct arena *arena = arena_new();
		struct manifest_file files[array_len(BASE) + 1];
		size_t count = to_files(BASE, array_len(BASE), files);
		struct manifest_set set;
		struct manifest_problems problems = {0};
		bool found = false;

		count = put_file(
			files, count, (struct text_file){MISTAKES[i].path, MISTAKES[i].text});
		assert_false(manifest_parse(arena, files, count, &set, &problems));
		for (size_t k = 0; k < problems.len; k++) {
			const struct manifest_problem *p = &problems.items[k];

			found = found || is_wanted(p, &MISTAKES[i]);
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
	static const struct text_file BASE[] = {WHOLE};

	(void)state;
	for (size_t i = 0; i < array_len(ROWS); i++) {
		scoped(arena_free) struct arena *arena = arena_new();
		struct manifest_file files[array_len(BASE) + 1];
		size_t count = to_files(BASE, array_len(BASE), files);
		struct manifest_set set;
		struct manifest_problems problems = {0};

		count = put_file(files, count, ROWS[i].file);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_suggestion),
	};

	return cmocka_run_group_tests_name("manifest mistakes", tests, NULL, NULL);
}
