/* What the files that make up tarx/place.h share among themselves. */
#ifndef TARX_PLACE_PARTS_H
#define TARX_PLACE_PARTS_H

#include "tarx/place.h"

/* Removes NAME from the parent, a directory only if it is empty. 0 or -errno. */
int tarx_place_clear_the_way(struct tarx_place *place, const char *name);

/* Sets PARTS (TARX_META_*) of the item's attributes; what cannot be set is warned of. */
void tarx_place_apply(struct tarx_place *place, const struct tarx_item *item, int fd, bool by_path,
		      unsigned int parts);

/* Each makes one kind of inode, called NAME in the parent. 0 or -errno; then nothing is left. */
int tarx_place_file(struct tarx_place *place, const struct tarx_item *item, const char *name,
		    struct tarx_reader *reader, struct tx_err *err);
int tarx_place_hardlink(struct tarx_place *place, const struct tarx_item *item, const char *name,
			struct tx_err *err);
int tarx_place_special(struct tarx_place *place, const struct tarx_item *item, const char *name,
		       struct tx_err *err);
int tarx_place_directory(struct tarx_place *place, const struct tarx_item *item, const char *path,
			 const char *name, struct tx_err *err);

/* Gives back what tarx_place_directory() remembered. */
void tarx_place_release_later(struct tarx_place *place);

#endif
