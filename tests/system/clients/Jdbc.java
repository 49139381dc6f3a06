import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import org.postgresql.PGConnection;

/** The PostgreSQL JDBC driver against the door: Jdbc PORT. Prints "ok" at the end. */
public class Jdbc {
	static void check(boolean condition, String what) {
		if (!condition)
			throw new AssertionError(what);
	}

	static void expectState(Connection c, String text, String state) throws SQLException {
		try (Statement s = c.createStatement()) {
			s.execute(text);
			throw new AssertionError(text + " was accepted");
		} catch (SQLException e) {
			check(e.getSQLState().equals(state), text + ": " + e.getSQLState() + " " + e.getMessage());
		}
	}

	public static void main(String[] args) throws Exception {
		Properties p = new Properties();
		p.setProperty("user", "alice");
		p.setProperty("password", "secret");
		p.setProperty("sslmode", "disable");
		p.setProperty("options", "-c weft.purpose=fraud");
		try (Connection c = DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + args[0] + "/shop", p)) {
			try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("select rows 3 noticed")) {
				int n = 0;
				while (r.next())
					check(r.getInt(1) == ++n, "row");
				check(n == 3, "three rows");
				check(s.getWarnings().getMessage().contains("purpose 'fraud'"), "warning");
			}
			try (PreparedStatement s = c.prepareStatement("select rows 2 ?")) {
				for (int i = 0; i < 12; i++) { // from the sixth on by name, in binary
					s.setInt(1, i);
					try (ResultSet r = s.executeQuery()) {
						check(r.next() && r.getInt("id") == 1, "prepared " + i);
					}
				}
				check(s.getMetaData().getColumnCount() == 2, "metadata");
				check(s.getParameterMetaData().getParameterCount() == 1, "parameters");
			}
			c.setAutoCommit(false);
			c.setReadOnly(true);
			try (Statement s = c.createStatement()) {
				s.setFetchSize(10);
				int n = 0;
				try (ResultSet r = s.executeQuery("select rows 105")) {
					while (r.next())
						n++;
				}
				check(n == 105, "fetched " + n);
			}
			expectState(c, "update x set y = 1", "25006");
			expectState(c, "select rows 1", "25P02");
			c.rollback();
			c.setReadOnly(false);
			c.setAutoCommit(true);
			c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
			try (Statement s = c.createStatement()) {
				s.setQueryTimeout(1);
				s.executeQuery("select rows 1 slow");
				throw new AssertionError("no timeout");
			} catch (SQLException e) {
				check(e.getSQLState().equals("57014"), e.getMessage());
			}
			StringWriter text = new StringWriter();
			long rows = c.unwrap(PGConnection.class).getCopyAPI().copyOut("COPY (select rows 3) TO STDOUT", text);
			check(rows == 3 && text.toString().startsWith("1\tname 1\n"), "copy");
			check(c.isValid(2), "valid");
			c.setSchema("sales");
			c.setClientInfo("ApplicationName", "reports");
		}
		System.out.println("ok");
	}
}
