#pragma once

#include "api/request.h"

/*
 * Sends the answer that a reply_* made (not a stream) past libmicrohttpd, which cannot answer
 * before a body has come in whole, and has the connection end after it. The handler returns MHD_NO
 * next. Connection's thread; waits for the client for 1 s at most.
 */
void request_last_word(struct request *request);
