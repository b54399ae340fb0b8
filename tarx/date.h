/* Points in time as a person writes them. */
#ifndef TARX_DATE_H
#define TARX_DATE_H

#include <time.h>

/* Reads TEXT: "@SECONDS" since 1970 with a fraction; "YYYY-MM-DD" or "YYYYMMDD" with or without
 * " HH:MM[:SS[.FRACTION]]" and a zone ("Z", "UTC", "+hh:mm"), in TZ where it has no zone; "now" and "today" (NOW),
 * "yesterday" and "tomorrow" (a day from NOW). A fraction is cut to nanoseconds. Returns 0, or -1:
 * it is none of them. */
int tarx_date_parse(const char *text, const struct timespec *now, struct timespec *when);

#endif
