#pragma once

#include "manifest/shape.h"

/* Shapes of ODCS that its two files share. */
extern const struct shape shape_server;
extern const struct shape shape_role;
extern const struct shape shape_custom_property;
