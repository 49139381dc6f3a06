/* The PostgreSQL door alone, over the fake node: fake-node [certificate key]. Prints its port, ends
 * with its standard input. For protocol tests by clients of any language. */
#include <stdio.h>
#include <unistd.h>

#include "server/fake-node.h"
#include "server/pg-door.h"

int main(int argc, char **argv)
{
	const struct pg_door_config config = {
		.address = "127.0.0.1",
		.tls_cert_file = argc > 2 ? argv[1] : NULL,
		.tls_key_file = argc > 2 ? argv[2] : NULL,
		.max_connections = 100,
		.max_connections_per_address = 100,
		.auth_timeout_ms = 1500,
		.message_max_bytes = 1 << 20,
	};
	struct pg_door *door;
	struct error err;
	char byte;

	if (!pg_door_start(fake_node(), &config, &door, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	printf("%d\n", pg_door_port(door));
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
	pg_door_stop(&door, 1000);
	fprintf(stderr, "open queries %d, models in use %d\n", fake_node_open_queries(),
		fake_node_models_in_use());
	return fake_node_open_queries() || fake_node_models_in_use();
}
