/* One error that travels up: the floor that failed says what it tried, each floor above adds the
 * noun that only it knows, the command prints it once. Functions return 0 or -errno. */
#ifndef ALIGN_ERR_H
#define ALIGN_ERR_H

#define TX_ERR_ROOM 1024

struct tx_err {
	int code; /* errno of the failure, positive; 0 while nothing failed */
	char text[TX_ERR_ROOM];
};

/* Begins an error: the text of FMT followed by what the system says of ERRNUM. Returns -ERRNUM. */
int tx_fail(struct tx_err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Begins an error that is our own finding and not the system's: the text stands as it is, ERRNUM
 * is what callers see. Returns -ERRNUM. */
int tx_reject(struct tx_err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts a noun before the text: "NOUN: text". A noun too long for the room loses its middle, never
 * the reason behind it. Returns -err->code. */
int tx_wrap(struct tx_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
