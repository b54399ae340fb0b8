/* How something new takes the place of something old, and what is remembered when it could not. */
#include "tarx/place_parts.h"

#include "align/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *tarx_spot_name(const struct tarx_spot *spot)
{
	return spot->temp[0] ? spot->temp : spot->name;
}

bool tarx_spot_step_aside(struct tarx_place *place, struct tarx_spot *spot)
{
	if (spot->temp[0])
		return false;
	if (tarx_behind_has_some(place->behind)) {
		tarx_behind_settle(place->behind);
		return !tarx_behind_has_ended(place->behind);
	}
	tx_temp_name(spot->temp);
	tx_doom(place->parent.fd, spot->temp);
	return true;
}

static int remove_directory(const struct tarx_place *place, const char *name)
{
	if (tarx_place_gives_way(place, name))
		return tx_remove_tree(place->parent.fd, name);
	return unlinkat(place->parent.fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* It takes the place of what was there, a directory only if that is empty. */
static int take_place(struct tarx_place *place, struct tarx_spot *spot)
{
	int dir = place->parent.fd, r = 0;

	if (!spot->temp[0])
		return 0;
	place->parent.stale = true;
	if (renameat(dir, spot->temp, dir, spot->name) < 0)
		r = -errno;
	if (r == -EISDIR) {
		r = remove_directory(place, spot->name);
		if (r == 0 && renameat(dir, spot->temp, dir, spot->name) < 0)
			r = -errno;
	}
	/* rename(2) of two names of one inode does nothing, and is right to. */
	if (r == 0)
		unlinkat(dir, spot->temp, 0);
	if (r == 0)
		tx_undoom();
	return r;
}

int tarx_spot_end(struct tarx_place *place, struct tarx_spot *spot, int r, struct tx_err *err)
{
	int taken = r < 0 ? 0 : take_place(place, spot);

	if (taken < 0)
		r = tarx_place_refused(place->parent.fd, spot->name, taken, "replace what is there",
				       err);
	if (r < 0) {
		unlinkat(place->parent.fd, tarx_spot_name(spot), 0);
		if (spot->temp[0])
			tx_undoom();
	}
	return r;
}

/* What was not restored is not there for hard links either: what has its name is something older. */
void tarx_place_keep_failure(struct tarx_place *place, const char *restored, bool failed)
{
	if (failed)
		tarx_placed_add(&place->failures, restored);
	else if (place->failures.count > 0)
		tarx_placed_remove(&place->failures, restored);
}

bool tarx_place_has_failed(const struct tarx_place *place, const char *restored)
{
	return tarx_placed_has(&place->failures, restored);
}
