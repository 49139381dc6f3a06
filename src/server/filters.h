#pragma once

/*
 * Row filters as syntax trees, which let whole files be told visible or hidden by their statistics
 * (policy/prune.h). A tree is made by a worker once per text and kept in the store. A filter
 * without one is still enforced, only for each row. Any thread.
 */
struct server;
struct model;

/* Fills filter_ast of a model that nobody else sees yet. */
void filters_compile(struct server *server, const struct model *model);
