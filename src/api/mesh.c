#include "server/mesh.h"
#include "server/delegate.h"
#include "server/mesh-policies.h"

#include "api/api-private.h"

/* The mesh: for this node's administrators (/api/v1/mesh), and for other nodes (/mesh/v1). */

static bool reply_mesh(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *mesh = NULL;

	return mesh_describe(request->server, &mesh, err) && reply_json(request, MHD_HTTP_OK, mesh);
}

bool api_mesh(struct request *request, struct error *err)
{
	return reply_mesh(request, err);
}

bool api_mesh_init(struct request *request, struct error *err)
{
	static const char *const known[] = {"mesh", "url", NULL};
	scoped(json_drop) json_t *body = NULL;

	return request_json(request, known, &body, err) && mesh_found(request->server, body, err) &&
	       reply_mesh(request, err);
}

bool api_mesh_invite(struct request *request, struct error *err)
{
	static const char *const known[] = {"node", "domains", "life_s", NULL};
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *invitation = NULL;

	return request_json(request, known, &body, err) &&
	       mesh_invite(request->server, request->identity, body, &invitation, err) &&
	       reply_json(request, MHD_HTTP_OK, invitation);
}

bool api_mesh_join(struct request *request, struct error *err)
{
	static const char *const known[] = {"invitation", "url", "replace_governance", NULL};
	scoped(json_drop) json_t *body = NULL;

	return request_json(request, known, &body, err) && mesh_join(request->server, body, err) &&
	       reply_mesh(request, err);
}

bool api_mesh_leave(struct request *request, struct error *err)
{
	return mesh_leave(request->server, err) && reply_empty(request, MHD_HTTP_NO_CONTENT);
}

bool api_mesh_set_node(struct request *request, struct error *err)
{
	static const char *const known[] = {"url", "domains", NULL};
	scoped(json_drop) json_t *body = NULL;

	return request_json(request, known, &body, err) &&
	       mesh_set_node(request->server, request->params[0], body, err) &&
	       reply_mesh(request, err);
}

bool api_mesh_remove_node(struct request *request, struct error *err)
{
	return mesh_remove_node(request->server, request->params[0], err) &&
	       reply_empty(request, MHD_HTTP_NO_CONTENT);
}

bool api_mesh_trust(struct request *request, struct error *err)
{
	static const char *const known[] = {"groups", "attributes", NULL};
	scoped(json_drop) json_t *body = NULL;

	return request_json(request, known, &body, err) &&
	       delegate_trust(request->server, request->identity, request->params[0], body, err) &&
	       reply_empty(request, MHD_HTTP_NO_CONTENT);
}

bool api_mesh_rotate_key(struct request *request, struct error *err)
{
	static const char *const known[] = {"overlap_s", "tls", NULL};
	scoped(json_drop) json_t *body = NULL;

	return request_json(request, known, &body, err) &&
	       mesh_rotate_key(request->server, body, err) && reply_mesh(request, err);
}

bool api_mesh_rotate_governance(struct request *request, struct error *err)
{
	return mesh_rotate_governance(request->server, err) && reply_mesh(request, err);
}

/* Bodies of nodes: what a later version says besides is not looked at. */
static bool read_body(struct request *request, json_t **out, struct error *err)
{
	*out = json_parse(str_slice(&request->body), err);
	if (!*out)
		return false;
	return json_is_object(*out) ||
	       error_set(err, INVALID_PARAMETER_VALUE, "the body is no JSON object");
}

bool api_node_hello(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *said = NULL;

	return read_body(request, &body, err) &&
	       mesh_node_hello(request->server, request->node, body, &said, err) &&
	       reply_json(request, MHD_HTTP_OK, said);
}

bool api_node_catalogue(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *catalogue = NULL;

	return read_body(request, &body, err) &&
	       mesh_node_catalogue(request->server, body, &catalogue, err) &&
	       reply_json(request, MHD_HTTP_OK, catalogue);
}

bool api_mesh_policies(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *status = NULL;

	return mesh_policies_status(request->server, request->identity, &status, err) &&
	       reply_json(request, MHD_HTTP_OK, status);
}

bool api_node_policies(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *policies = NULL;

	return mesh_node_policies(request->server, &policies, err) &&
	       reply_json(request, MHD_HTTP_OK, policies);
}

bool api_node_file(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *file = NULL;

	return mesh_node_file(request->server, &file, err) &&
	       reply_json(request, MHD_HTTP_OK, file);
}

bool api_node_take_file(struct request *request, struct error *err)
{
	static const char *const known[] = {"file", NULL};
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *answer = NULL;

	return request_json(request, known, &body, err) &&
	       mesh_node_take_file(request->server, request->peer, body, &answer, err) &&
	       reply_json(request, MHD_HTTP_OK, answer);
}

bool api_node_join(struct request *request, struct error *err)
{
	static const char *const known[] = {"secret", "request", NULL};
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *answer = NULL;

	return request_json(request, known, &body, err) &&
	       mesh_node_join(request->server, request->peer, body, &answer, err) &&
	       reply_json(request, MHD_HTTP_OK, answer);
}

bool api_node_change(struct request *request, struct error *err)
{
	static const char *const known[] = {"key", "tls", "url", "overlap_s", NULL};
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *answer = NULL;

	return request_json(request, known, &body, err) &&
	       mesh_node_change(request->server, request->node, body, &answer, err) &&
	       reply_json(request, MHD_HTTP_OK, answer);
}
