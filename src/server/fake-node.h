#pragma once

/*
 * What the door needs of a node, for its tests: principals alice (password "secret", purpose known:
 * "fraud") and statements of one kind, "select rows N", optionally with the words slow (runs until
 * it is cancelled), broken (fails after its rows), noticed (governance did something), missing
 * (42P01 at that word) and $1 … parameters of type int4. Two columns: id int4, name text (NULL in
 * each third row).
 */
struct server;

struct server *fake_node(void);
/* Queries that are open, and those that were ever opened. */
int fake_node_open_queries(void);
int fake_node_models_in_use(void);
