/*
 * Stands in for libFuzzer where the compiler has none: runs every file of the folders named as
 * arguments through the fuzz target once, so that a corpus is a unit test. Fails when a folder
 * cannot be read or is empty.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A target may have it: after the last input, for the leak search. */
__attribute__((weak)) void fuzz_end(void);

static int run_file(const char *path)
{
	enum { MAX_BYTES = 4 << 20 };
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(MAX_BYTES);

	if (!file || !bytes) {
		perror(path);
		free(bytes);
		if (file)
			fclose(file);
		return 1;
	}
	size_t len = fread(bytes, 1, MAX_BYTES, file);
	/* exactly as long as the input, so that ASan sees a read past its end */
	uint8_t *exact = realloc(bytes, len ? len : 1);

	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	fclose(file);
	return 0;
}

static int run_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int files = 0;
	int failed = 0;

	if (!dir) {
		perror(folder);
		return 1;
	}
	/* one thread; NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((entry = readdir(dir))) {
		char path[PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		failed |= run_file(path);
		files++;
	}
	closedir(dir);
	printf("%s: %d inputs\n", folder, files);
	return failed || files == 0;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	for (int i = 1; i < argc; i++)
		failed |= run_folder(argv[i]);
	if (fuzz_end)
		fuzz_end();
	return failed;
}
