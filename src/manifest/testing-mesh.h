#pragma once

/* A small mesh that is right, file by file: tests replace or add what they are about. */
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

/* All that the mesh needs. */
#define WHOLE MESH, DOMAIN, SOURCE, PRODUCT, CONTRACT(ID TOTAL), PIPELINE

struct text_file {
	const char *path;
	const char *text;
};

static inline size_t to_files(const struct text_file *from, size_t count, struct manifest_file *to)
{
	for (size_t i = 0; i < count; i++)
		to[i] = (struct manifest_file){
			slice_from_c(from[i].path), slice_from_c(from[i].text)};
	return count;
}

/* Instead of the file with that path, or one more; the new count. */
static inline size_t put_file(struct manifest_file *files, size_t count, struct text_file file)
{
	size_t at = 0;

	while (at < count && !slice_equal_c(files[at].path, file.path))
		at++;
	to_files(&file, 1, &files[at]);
	return at < count ? count : count + 1;
}
