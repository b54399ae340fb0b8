/* The bar on the terminal. Polled: whoever moves bytes says so, and at most ten times a second something
 * is drawn. */
#ifndef TARX_PROGRESS_H
#define TARX_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum tarx_progress_when { TARX_PROGRESS_NEVER, TARX_PROGRESS_AUTO, TARX_PROGRESS_ALWAYS };

/* What there is to tell. */
struct tarx_progress_facts {
	uint64_t bytes; /* of content done */
	uint64_t members;
	double seconds; /* since the start */
	uint64_t at, total; /* how far of how much; 0: that is not known */
};

struct tarx_progress {
	FILE *out; /* borrowed; NULL: there is no bar, and nothing else counts */
	uint64_t start, next; /* ns: when it began, and when it is drawn again */
	uint64_t bytes, members; /* done, with whole members */
	uint64_t moving; /* bytes of the member in hand */
	const off_t
		*at; /* borrowed: how far the archive was read, from byte FROM on; NULL: unknown */
	off_t from;
	off_t total; /* of the archive, bytes */
	bool plain; /* bytes of the member in hand are bytes of the archive */
	size_t shown; /* columns that the bar on the terminal takes; 0: it is not there */
};

/* AUTO: only where OUT is a terminal that can erase a line. */
void tarx_progress_open(struct tarx_progress *progress, enum tarx_progress_when when, FILE *out);

/* FROM and *AT of TOTAL bytes of the archive are read, all along. PLAIN: it is not compressed. */
void tarx_progress_reads(struct tarx_progress *progress, off_t from, const off_t *at, off_t total,
			 bool plain);

/* N more bytes of the member in hand. PROGRESS is a struct tarx_progress: for struct align_mover. */
void tarx_progress_moved(void *progress, off_t n);

/* A member is done; BYTES is the content of all so far. */
void tarx_progress_member(struct tarx_progress *progress, uint64_t bytes);

/* Takes the bar away: something else is printed, or it was the end. */
void tarx_progress_hide(struct tarx_progress *progress);

/* The bar's text, at most WIDTH columns of it (and never more than ROOM - 1 bytes). Pure. */
void tarx_progress_line(char *to, size_t room, size_t width,
			const struct tarx_progress_facts *facts);

#endif
