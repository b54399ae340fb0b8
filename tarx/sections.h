/* An archive and the archives that lie in it as members, read in one pass: which members of which of them are
 * wanted. */
#ifndef TARX_SECTIONS_H
#define TARX_SECTIONS_H

#include "tarx/reader.h"
#include "tarx/report.h"
#include "tarx/select.h"

#include <stdbool.h>

/* The archive itself, or one in it. */
struct tarx_section {
	const struct tarx_part *part; /* borrowed */
	char *path; /* owned: of that member, as of tarx_path_named(); NULL: the archive itself */
	struct tarx_select select;
	bool idle; /* nothing of it is wanted */
	bool found;
};

struct tarx_sections {
	struct tarx_report *report; /* borrowed */
	struct tarx_section *list; /* owned; the archive itself comes first */
	size_t count;

	/* To be set after opening. All of them tell what is wrong, and return 0, or negative: nothing
	 * else can be done either. */
	/* A member that was wanted; section->select.dir is the -C that counts for it. READER has its payload. */
	int (*take)(void *data, struct tarx_section *section, struct tarx_reader *reader,
		    const struct tarx_item *item);
	/* The first header of an archive was read; or NULL. */
	int (*begin)(void *data, struct tarx_reader *reader);
	/* The section that a member of the archive itself tells something about; NULL: none. Or NULL. */
	struct tarx_section *(*beside)(void *data, const struct tarx_item *item);
	int (*take_beside)(void *data, struct tarx_section *section, struct tarx_reader *reader,
			   const struct tarx_item *item);
	/* The last member of an archive was given away; what it still needs of its reader ends. Or NULL. */
	int (*end)(void *data);
	void *data; /* borrowed: for these */
	bool moves; /* what is taken is read: bytes of members count in the bar */
};

/* As the options say. 0 or -errno. */
int tarx_sections_open(struct tarx_sections *sections, struct tarx_report *report,
		       struct tx_err *err);

/* Reads the whole archive and gives its members away; what is wrong with it is told. Returns 0, or negative: it was
 * not read to its end, or an archive that was named is not in it. */
int tarx_sections_read(struct tarx_sections *sections, struct tarx_reader *reader);

/* After a run that was not fatal: an error for each name that no member had. */
void tarx_sections_close(struct tarx_sections *sections);

#endif
