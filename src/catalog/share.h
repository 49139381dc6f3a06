#pragma once

#include "base/json.h"
#include "catalog/model.h"

/*
 * What a node tells other nodes of its model, and what it makes of what they tell: descriptions of
 * domains and products, never data. Only what anybody may know of leaves the node: nothing that is
 * hidden, no drafts, no policies, no sizes. Pure.
 *
 * Domain: {"domain","title","description","owners":[…],"team"}
 * Product: {"domain","product","title","description","kind","status","owners":[…],"tags":[…],
 *  "inputs":[…],"version","published_us","tables":[{"table","major","newest","description",
 *  "version","published_us","columns":[{"name","type","description","required","unique","key",
 *  "classification","tags":[…]}]}]}
 */

/* New references; NULL when it stays here. */
json_t *share_domain(const struct model *model, const struct model_domain *domain);
json_t *share_product(const struct model *model, const struct model_product *product);

/*
 * A model of another node's domains and products: names, descriptions and columns only; nothing in
 * it can be read. Counted like any model (model_unref). What is not as above, or of a domain that
 * is none of `allowed`, is left out and counted: it may be a later version's, or a lie.
 */
struct shared {
	const struct slice *allowed; /* domains that the node may speak for */
	size_t allowed_count;
	const struct slice *domains; /* JSON texts */
	size_t domain_count;
	const struct slice *products;
	size_t product_count;
};
const struct model *share_model(const struct shared *shared, size_t *left_out_out);
/* "domain.product" of a product, the name of a domain; none when it is not as above. Borrowed. */
struct slice share_product_name(struct arena *arena, const json_t *product);
struct slice share_domain_name(const json_t *domain);
