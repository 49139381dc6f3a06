/* Any bytes as weft.toml: an error or a config, never a crash. */
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_input input = {.file_text = slice_of((const char *)data, size)};
	struct config *config = NULL;
	struct error err;

	if (config_load(&input, &config, &err))
		config_free(&config);
	return 0;
}
