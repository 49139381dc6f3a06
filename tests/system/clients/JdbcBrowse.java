import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;

/** All that java.sql.DatabaseMetaData can ask, of lab.people: JdbcBrowse PORT USER PASSWORD DATABASE. Prints "ok". */
public class JdbcBrowse {
	interface Ask {
		ResultSet run() throws Exception;
	}

	/** Every row, its values joined by commas. */
	static List<String> rows(Ask ask) throws Exception {
		List<String> all = new ArrayList<>();
		try (ResultSet r = ask.run()) {
			int count = r.getMetaData().getColumnCount();
			while (r.next()) {
				StringBuilder row = new StringBuilder();
				for (int i = 1; i <= count; i++)
					row.append(r.getObject(i)).append(',');
				check(!row.toString().contains("vault"), row);
				all.add(row.toString());
			}
		}
		return all;
	}

	static void check(boolean condition, Object what) {
		if (!condition)
			throw new AssertionError(what);
	}

	static void has(Ask ask, String text) throws Exception {
		List<String> all = rows(ask);
		check(all.toString().contains(text), all);
	}

	static void metadata(DatabaseMetaData m, String database) throws Exception {
		String s = "lab";
		String t = "people";
		has(() -> m.getSchemas(null, "%"), "lab,");
		has(() -> m.getCatalogs(), database);
		has(() -> m.getTables(null, null, "%", null), "lab,people,TABLE");
		has(() -> m.getTables(null, "mesh", "pro%", new String[] {"VIEW"}), "mesh,products,VIEW");
		has(() -> m.getTableTypes(), "TABLE");
		check(rows(() -> m.getColumns(null, s, t, null)).size() == 4, "columns");
		has(() -> m.getColumns(null, null, null, null), "lab,people,email");
		has(() -> m.getPrimaryKeys(null, s, t), "lab,people,id,1,people_pkey");
		check(rows(() -> m.getImportedKeys(null, s, t)).isEmpty(), "imported keys");
		check(rows(() -> m.getExportedKeys(null, s, t)).isEmpty(), "exported keys");
		check(rows(() -> m.getCrossReference(null, s, t, null, s, t)).isEmpty(), "references");
		has(() -> m.getIndexInfo(null, s, t, false, false), "people_pkey,3,1,id,A");
		has(() -> m.getBestRowIdentifier(null, s, t, DatabaseMetaData.bestRowSession, true), "id,4,int4");
		rows(() -> m.getVersionColumns(null, s, t));
		has(() -> m.getTypeInfo(), "numeric");
		rows(() -> m.getProcedures(null, null, "%"));
		rows(() -> m.getProcedureColumns(null, null, "%", "%"));
		rows(() -> m.getFunctions(null, null, "%"));
		rows(() -> m.getFunctionColumns(null, null, "%", "%"));
		rows(() -> m.getTablePrivileges(null, s, "%"));
		rows(() -> m.getColumnPrivileges(null, s, t, "%"));
		rows(() -> m.getUDTs(null, null, "%", null));
		rows(() -> m.getClientInfoProperties());
		check(m.getSQLKeywords().contains("ilike"), m.getSQLKeywords());
	}

	static void results(Connection c) throws Exception {
		try (ResultSet r = c.createStatement().executeQuery("select id, name as nick, count(*) from lab.people group by 1, 2")) {
			ResultSetMetaData m = r.getMetaData();
			check(m.getColumnType(1) == Types.INTEGER && m.getColumnLabel(2).equals("nick"), "columns");
			check(m.getColumnName(3).equals("count") && m.getColumnTypeName(3).equals("int8"), m.getColumnName(3));
		}
	}

	/** A cursor that is read in pieces while other statements run: both prepared on the server after five runs. */
	static void interleave(Connection c) throws Exception {
		c.setAutoCommit(false);
		try (PreparedStatement all = c.prepareStatement("select * from lab.people where id < ?");
				PreparedStatement one = c.prepareStatement("select name from lab.people where id = ?")) {
			all.setFetchSize(3);
			for (int i = 0; i < 7; i++) {
				all.setInt(1, 20);
				int count = 0;
				try (ResultSet r = all.executeQuery()) {
					for (; r.next(); count++) {
						one.setInt(1, r.getInt(1));
						try (ResultSet name = one.executeQuery()) {
							check(name.next() && name.getString(1).equals("P" + r.getInt(1)), "name");
						}
					}
				}
				check(count == 10, count);
			}
		}
		c.rollback();
	}

	public static void main(String[] args) throws Exception {
		String url = "jdbc:postgresql://127.0.0.1:" + args[0] + "/" + args[3];
		for (String options : new String[] {"", "?preferQueryMode=simple", "?prepareThreshold=-1"}) {
			try (Connection c = DriverManager.getConnection(url + options, args[1], args[2])) {
				metadata(c.getMetaData(), args[3]);
				results(c);
				interleave(c);
			}
		}
		System.out.println("ok");
	}
}
