import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/** What tools ask of the JDBC driver about a real node: JdbcMetadata PORT USER PASSWORD DATABASE. Prints "ok". */
public class JdbcMetadata {
	static List<String> column(ResultSet rows, String name) throws Exception {
		List<String> values = new ArrayList<>();
		while (rows.next())
			values.add(rows.getString(name));
		return values;
	}

	static void check(boolean condition, Object what) {
		if (!condition)
			throw new AssertionError(what);
	}

	public static void main(String[] args) throws Exception {
		Properties p = new Properties();
		p.setProperty("user", args[1]);
		p.setProperty("password", args[2]);
		try (Connection c = DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + args[0] + "/" + args[3], p)) {
			DatabaseMetaData m = c.getMetaData();
			List<String> schemas = column(m.getSchemas(), "TABLE_SCHEM");
			check(schemas.contains("sales") && !schemas.contains("vault"), schemas);
			List<String> tables = column(m.getTables(null, "sales", "%", new String[] {"TABLE", "VIEW"}), "TABLE_NAME");
			check(tables.contains("orders"), tables);
			List<String> columns = column(m.getColumns(null, "sales", "orders", "%"), "COLUMN_NAME");
			check(columns.size() == 10 && columns.get(0).equals("id"), columns);
			column(m.getPrimaryKeys(null, "sales", "orders"), "COLUMN_NAME");
			column(m.getImportedKeys(null, "sales", "orders"), "FK_NAME");
			check(column(m.getCatalogs(), "TABLE_CAT").contains(args[3]), "catalogs");
			check(!column(m.getTypeInfo(), "TYPE_NAME").isEmpty(), "types");
			column(m.getTablePrivileges(null, "sales", "%"), "PRIVILEGE");
			column(m.getFunctions(null, null, "%"), "FUNCTION_NAME");
			try (PreparedStatement s = c.prepareStatement("select * from sales.orders where id = ? and placed >= ?")) {
				for (int i = 0; i < 8; i++) {
					s.setLong(1, 7);
					s.setDate(2, java.sql.Date.valueOf("2026-01-01"));
					try (ResultSet r = s.executeQuery()) {
						check(r.next(), "row");
						check(r.getBigDecimal("amount").toPlainString().equals("7.25"), r.getString("amount"));
						check(r.getTimestamp("updated") != null, "timestamp");
					}
				}
			}
		}
		System.out.println("ok");
	}
}
