/* ODPS 1.0.0, data products (https://bitol-io.github.io/open-data-product-standard). */
#include "manifest/shape.h"

static const struct field link_fields[] = {
	{"type", FIELD_CHOICE, FIELD_REQUIRED,
		"businessDefinition|transformationImplementation|videoTutorial|tutorial|"
		"implementation",
		NULL},
	REQUIRED("url", FIELD_TEXT),
	OPTIONAL("description", FIELD_TEXT),
};
static const struct shape shape_link = SHAPE_OF(link, "an authoritative definition");

static const struct field custom_fields[] = {
	REQUIRED("property", FIELD_TEXT),
	REQUIRED("value", FIELD_ANY),
	OPTIONAL("description", FIELD_TEXT),
};
static const struct shape shape_custom = SHAPE_OF(custom, "a custom property");

static const struct field description_fields[] = {
	OPTIONAL("purpose", FIELD_TEXT),
	OPTIONAL("limitations", FIELD_TEXT),
	OPTIONAL("usage", FIELD_TEXT),
	OBJECTS("authoritativeDefinitions", link),
	OBJECTS("customProperties", custom),
};
static const struct shape shape_description = SHAPE_OF(description, "a description");

static const struct field input_port_fields[] = {
	REQUIRED("name", FIELD_TEXT),
	REQUIRED("version", FIELD_TEXT),
	REQUIRED("contractId", FIELD_TEXT),
};
static const struct shape shape_input_port = SHAPE_OF(input_port, "an input port");

static const struct field sbom_fields[] = {
	OPTIONAL("type", FIELD_TEXT),
	REQUIRED("url", FIELD_TEXT),
};
static const struct shape shape_sbom = SHAPE_OF(sbom, "an SBOM");

static const struct field input_contract_fields[] = {
	REQUIRED("id", FIELD_TEXT),
	REQUIRED("version", FIELD_TEXT),
};
static const struct shape shape_input_contract = SHAPE_OF(input_contract, "an input contract");

static const struct field port_fields[] = {
	REQUIRED("name", FIELD_NAME),
	REQUIRED("version", FIELD_TEXT),
	OPTIONAL("contractId", FIELD_TEXT),
	OPTIONAL("description", FIELD_TEXT),
	OPTIONAL("type", FIELD_TEXT),
	OBJECTS("sbom", sbom),
	OBJECTS("inputContracts", input_contract),
};
static const struct shape shape_port = SHAPE_OF(port, "an output port");

static const struct field management_port_fields[] = {
	REQUIRED("name", FIELD_TEXT),
	REQUIRED("content", FIELD_TEXT),
	OPTIONAL("type", FIELD_TEXT),
	OPTIONAL("url", FIELD_TEXT),
	OPTIONAL("channel", FIELD_TEXT),
	OPTIONAL("description", FIELD_TEXT),
	OPTIONAL("tags", FIELD_TEXTS),
	OBJECTS("customProperties", custom),
	OBJECTS("authoritativeDefinitions", link),
};
static const struct shape shape_management_port = SHAPE_OF(management_port, "a management port");

static const struct field support_fields[] = {
	REQUIRED("channel", FIELD_TEXT),
	REQUIRED("url", FIELD_TEXT),
	OPTIONAL("description", FIELD_TEXT),
	OPTIONAL("tool", FIELD_TEXT),
	OPTIONAL("scope", FIELD_TEXT),
	OPTIONAL("invitationUrl", FIELD_TEXT),
	OPTIONAL("tags", FIELD_TEXTS),
	OBJECTS("customProperties", custom),
	OBJECTS("authoritativeDefinitions", link),
};
static const struct shape shape_support = SHAPE_OF(support, "a support channel");

static const struct field member_fields[] = {
	OPTIONAL("username", FIELD_TEXT),
	OPTIONAL("name", FIELD_TEXT),
	OPTIONAL("description", FIELD_TEXT),
	OPTIONAL("role", FIELD_TEXT),
	OPTIONAL("dateIn", FIELD_DATE),
	OPTIONAL("dateOut", FIELD_DATE),
	OPTIONAL("replacedByUsername", FIELD_TEXT),
	OPTIONAL("tags", FIELD_TEXTS),
	OBJECTS("customProperties", custom),
	OBJECTS("authoritativeDefinitions", link),
};
static const struct shape shape_member = SHAPE_OF(member, "a team member");

static const struct field product_fields[] = {
	{"apiVersion", FIELD_CHOICE, FIELD_REQUIRED, "v1.0.0|v0.9.0", NULL},
	{"kind", FIELD_CHOICE, FIELD_REQUIRED, "DataProduct", NULL},
	REQUIRED("id", FIELD_TEXT),
	OPTIONAL("name", FIELD_TEXT),
	OPTIONAL("version", FIELD_TEXT),
	{"status", FIELD_CHOICE, FIELD_REQUIRED, "proposed|draft|active|deprecated|retired", NULL},
	OPTIONAL("domain", FIELD_TEXT),
	OPTIONAL("tenant", FIELD_TEXT),
	OBJECTS("authoritativeDefinitions", link),
	OBJECT("description", description),
	OBJECTS("customProperties", custom),
	OPTIONAL("tags", FIELD_TEXTS),
	OBJECTS("inputPorts", input_port),
	{"outputPorts", FIELD_OBJECTS, FIELD_REQUIRED, NULL, &shape_port},
	OBJECTS("managementPorts", management_port),
	OBJECTS("support", support),
	OBJECTS("team", member),
	OPTIONAL("productCreatedTs", FIELD_TIME),
};
const struct shape shape_product = {
	.name = "a DataProduct",
	.fields = product_fields,
	.count = array_len(product_fields),
	.standard = true,
};
