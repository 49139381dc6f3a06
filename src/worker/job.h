#pragma once

/*
 * One job, one process: `weft-worker job` reads one W_JOB frame from descriptor 3 (ipc/worker.h),
 *     narrows itself, works, and
 * answers W_PROGRESS and W_LOG as it goes and one W_RESULT or W_ERROR at its end. It writes only
 *     below "staging". Secrets
 * come in the frame and go nowhere else.
 *
 * W_JOB  {"kind":"ingest",               also "transform", "check", "checkpoint", "probe", "rows"
 *   "product":"sales.orders","run":7,"staging":"/…/staging/7","spill":"/…/spill/j7",
 *   "memory_bytes":n,"threads":n,"time_zone":"UTC",
 *   "source_dirs":["/…"],                local files must lie below one of these, links resolved
 *   "attributes":{…},"principal":"team:sales","purpose":"","pseudonym_key":"…"    as in W_NARROW,
 *       for transform
 *   "tables":[TABLE…]}
 * TABLE  {"name":"orders",
 *   "columns":[{"name","type","required":bool,"unique":bool,"key":n}],   the contract; type in
 *       DuckDB's spelling
 *   "partition_by":["country"],
 *   "previous":[{"path":"/…","rows":n}],           files of the version that is served: for merge
 *       and check
 *   "previous_columns":[{"name","type"}],          their schema
 *   ingest:
 *       "mode":"full|incremental","cursor":{"column":"updated_at","value":"…"|null},"drift":"fail|ignore|add",
 *              "source":{"connector":"postgres","settings":{…},"secrets":{"password":"…"},"object":"shop.orders"|null,"query":"…"|null}
 *   transform: "sql":"SELECT …","relations":[RELATION…],"at":[]       RELATION as in
 *       ipc/worker.h, files only
 *   "checks":[{"id":n,"name","type":"library|sql","metric","column"|null,"operator","value":x,"value_high":x,
 *              "percent":bool,"arguments":{…},"query","severity"}]}
 * W_RESULT of ingest, transform, check
 *  {"tables":[{"name","rows":n,"bytes":n,
 *     "columns":[{"name","type","stored":"VARCHAR"}],    what the files hold; longer than the
 *         contract after drift "add"
 *     "files":[{"path":"orders/part-0.parquet","bytes":n,"rows":n,"stats":"{…}","hash":"blake2b:…","partition":{"country":"DE"|null}}],
 *              path relative to staging, ready to be moved; stats as Delta has them
 *     "keep":["/…"],                                     previous files that stay part of the
 *         table (full: none)
 *     "cursor":"…"|null,
 *     "checks":[{"id":n,"ok":bool,"value":x|null,"message":"…","failing_file":"…"|null,"failing_rows":n}]}]}
 *   A check that cannot be computed has ok false and says why. Failing rows: at most 1000,
 *       "failed/<table>-<id>.parquet".
 * "checkpoint"  {"staging","rows_file":"/…/rows.ndjson","columns":[…]} ->
 *     {"path":"checkpoint.parquet","bytes":n,"rows":n}
 * "probe"       {"source":{…}} ->
 *     {"steps":[{"step":"connect","ok":bool,"ms":n,"message":"…"}],"objects":[{"name","columns":[{"name","type"}]}]}
 * "rows"        {"path":"/…","limit":n} -> {"columns":[{"name","type"}],"rows":[{…}]}
 *
 * Errors (W_ERROR): 08001 the source cannot be reached, 28000 it refuses us, 42P01/42703 what is
 *     asked for is not there, 22xxx a
 * value does not fit (names column, file and line or row), 53100 disk full, 53400 over the
 *     domain's quota, 57014 cancelled.
 */
#include "ipc/frame.h"

/* main() of the job; the exit status. The channel is descriptor 3. */
int job_main(struct channel channel);
