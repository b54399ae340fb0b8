/* What a person is told: words, listings, totals, the exit code. Only commands call this. */
#ifndef TARX_REPORT_H
#define TARX_REPORT_H

#include "align/span.h"
#include "tarx/item.h"
#include "tarx/layout.h"
#include "tarx/opts.h"
#include "tarx/progress.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

struct tarx_owners;

struct tarx_report {
	const struct tarx_opts *opts; /* borrowed */
	FILE *listing; /* borrowed: stdout, or stderr where the archive is stdout */
	bool listing_is_seen; /* on the terminal, where the bar may be in its way */
	int utf8; /* whether the person's locale is UTF-8; -1: not asked yet */
	int exit_code; /* 0, 1 or 2 so far */
	uint64_t warnings, errors;
	uint64_t
		left_out; /* attributes that were not restored, as privilege or the file system lacks */
	uint64_t members[TARX_KINDS];
	uint64_t subvolumes; /* directories stored that are btrfs subvolumes */
	uint64_t taken_members, taken_bytes; /* whose content came from --take-from */
	uint64_t header_bytes, padding_bytes, archive_bytes;
	uint64_t tar_bytes; /* that were read, of the tar in the archive */
	struct align_tally tally;
	struct tarx_progress progress;
	struct tarx_layout layout; /* of --info */
	struct timespec start;
	struct timespec member_start;
	struct align_tally member_tally;
	off_t header; /* where the member's headers begin, for --block-number; -1: not known */
	int time_width; /* the same of its times */
	int owner_width; /* of the -tv column, as GNU tar widens it */
	unsigned int said; /* bits of tarx_say_once() */
};

enum tarx_once {
	TARX_ONCE_SLASH = 1,
	TARX_ONCE_OVERLAY = 2,
	TARX_ONCE_BOUND = 4,
	TARX_ONCE_PRIVILEGE = 8,
	TARX_ONCE_SUBVOLUME = 16,
	TARX_ONCE_BTRFS = 32,
	TARX_ONCE_PROJECT = 64,
	TARX_ONCE_RESERVED = 128,
	TARX_ONCE_ROOTLESS = 256,
	TARX_ONCE_PATTERN = 1 << 16,
	TARX_ONCE_LINK_SLASH = 1 << 17,
	TARX_ONCE_EMPTY = 1 << 18,
	TARX_ONCE_SNAPSHOT = 1 << 20,
	TARX_ONCE_NO_XATTRS = 1 << 21,
	TARX_ONCE_NO_ACLS = 1 << 22,
	TARX_ONCE_NO_FLAG = 1 << 23,
};

void tarx_report_open(struct tarx_report *report, const struct tarx_opts *opts);

/* Something to know; changes nothing. */
void tarx_notice(struct tarx_report *report, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* True the first time for each of enum tarx_once. */
bool tarx_say_once(struct tarx_report *report, enum tarx_once what);

/* A member was stored or restored, but not as it should be: counted, exit 1. */
void tarx_warning(struct tarx_report *report, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The same, where a person does not want to hear of it. */
void tarx_warning_unsaid(struct tarx_report *report);

/* A member was not stored or restored: counted, exit 1. */
void tarx_error(struct tarx_report *report, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The run cannot go on, or its result is no good: exit 2. Returns -1. */
int tarx_fatal(struct tarx_report *report, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* MOVER counts for this report, and what it copies shows in the bar. */
void tarx_report_watch(struct tarx_report *report, struct align_mover *mover);

/* A member begins, and is done: counts it, and prints it as -v has it. */
void tarx_report_begin(struct tarx_report *report);
void tarx_report_member(struct tarx_report *report, const struct tarx_item *item);

/* A member in GNU tar's short (LONG_FORM false) or long listing. */
void tarx_report_list(struct tarx_report *report, const struct tarx_item *item, bool long_form);

/* Something in which a member and the disk differ, as GNU tar lists it: exit 1. */
void tarx_report_difference(struct tarx_report *report, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The end: --stats, and whether what was printed arrived. Returns the exit code. */
int tarx_report_close(struct tarx_report *report);

#endif
