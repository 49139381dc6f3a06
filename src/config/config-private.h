#pragma once

#include "config/config.h"

/* A value before it is read by its kind. */
struct setting {
	struct slice text; /* of a list: items joined by '\n' when from the file, else by ',' */
	enum config_origin origin;
	const char *place; /* "--pg.port", "WEFT_PG_PORT"; NULL for file and default */
	int line;
	int column;
	enum setting_form { SETTING_TEXT, SETTING_BARE, SETTING_ARRAY } form; /* in the file */
};

/* Where the parameter's value stands in the struct. */
void *config_field(struct config *config, int param);
const void *config_value(const struct config *config, int param);
/* The nearest name of a parameter, NULL when none is near. */
const char *config_nearest(struct slice name);
/* Reads a text by the parameter's kind and range: 22023. */
bool config_set(struct config *config, int param, const struct setting *setting,
	struct error *err) must_check;
/* The file into settings; texts live in the arena. F0000 with "file:line:column". Pure. */
bool config_parse(struct arena *arena, const char *file_name, struct slice text,
	struct setting *settings, struct error *err) must_check;
