#pragma once

/* struct ArrowSchema and struct ArrowArray of the Arrow C data interface, as nanoarrow has them. */
#include <nanoarrow/nanoarrow.h>
