#pragma once

#include "api/request.h"

/* Answers with NDJSON: `first` as a line (none = no line), then the events of the runs, one run
 * after the other; with follow until each ended. Takes the request's identity. */
bool follow_runs(struct request *request, struct slice first, const int64_t *runs, size_t count,
	bool follow, struct error *err) must_check;
