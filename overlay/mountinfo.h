/* The text of /proc/self/mountinfo and of an overlay's options in it. Pure: no system calls. */
#ifndef OVERLAY_MOUNTINFO_H
#define OVERLAY_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line, cut up where it stands: everything points into the line. See proc_pid_mountinfo(5). */
struct overlay_mount_line {
	uint64_t id;
	unsigned int major, minor;
	const char *root; /* what of the filesystem is mounted; "/" when it is all of it */
	const char *point;
	const char *type;
	const char *options; /* of the filesystem, comma separated, octal escapes still in */
};

/* Cuts LINE, which is changed; a newline at its end is no part of it. Tells whether it was one. */
bool overlay_mount_line_parse(struct overlay_mount_line *m, char *line);

/* What the kernel was told when the overlay was mounted, as far as it matters to a reader. */
struct overlay_options {
	struct overlay_lower {
		char *path; /* owned */
		bool data_only;
	} * lowers; /* owned; top to bottom, data-only ones last */
	size_t count;
	/* owned; NULL without one. As the kernel shows it: overlayfs' backslashes are still in when
	 * the path was given as a string, were never there when it was given as a descriptor, and
	 * nothing in the line tells which. See overlay_unescape(). */
	char *upper;
	bool userxattr;
	enum { OVERLAY_INDEX_DEFAULT, OVERLAY_INDEX_OFF, OVERLAY_INDEX_ON } index;
};

/* Reads OPTIONS as a mountinfo line has them. 0, -EINVAL (no lower layer, or an empty path among
 * them) or -ENOMEM; release after either. */
int overlay_options_parse(struct overlay_options *o, const char *options);
void overlay_options_release(struct overlay_options *o);

/* Takes out mountinfo's \ooo escapes, in place. */
void overlay_octal_decode(char *text);

/* Takes out overlayfs' own escapes, in place: a backslash makes the next byte an ordinary one. */
void overlay_unescape(char *text);

#endif
