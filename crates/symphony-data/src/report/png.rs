//! Pictures as PNG: an SVG, drawn pixel by pixel.
//!
//! Text is drawn with the one font that lies in `font/`, whatever family or weight the SVG asks for, and never with a font of the
//! machine, so that a picture has the same bytes wherever it is drawn. A character that the font does not have is an empty box.
//! Nothing is loaded: an image that the SVG refers to or contains is left out.

use flate2::Crc;
use resvg::{
    tiny_skia::{Color, IntSize, Pixmap, Transform},
    usvg::{FontResolver, ImageHrefResolver, Options, Tree},
};

use super::{
    ReportError,
    write::{MARK, PNG_KEYWORD},
};

/// The font of all text: a part of DejaVu Sans.
const FONT: &[u8] = include_bytes!("font/DejaVuSans-subset.ttf");
/// The most pixels of a picture, so that no size takes all memory.
const MOST_PIXELS: u64 = 1 << 26;

/// The PNG of an SVG on white, `scale` pixels for each of the SVG's own.
///
/// # Errors
/// The text is not an SVG with a size, or the picture would have no pixel or more than [`MOST_PIXELS`].
pub(super) fn png(svg: &str, scale: f32) -> Result<Vec<u8>, ReportError> {
    let tree = Tree::from_str(svg, &options())?;
    let is_small = |size: &IntSize| u64::from(size.width()) * u64::from(size.height()) <= MOST_PIXELS;
    // There is no size for a scale that is not a positive number.
    let size = tree.size().scale_by(scale).map(|size| size.to_int_size()).filter(is_small);
    let mut pixels = size.and_then(|size| Pixmap::new(size.width(), size.height())).ok_or_else(|| {
        let (width, height) = (tree.size().width(), tree.size().height());
        ReportError::PictureSize { width, height, scale }
    })?;
    pixels.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    Ok(marked(&pixels.encode_png().map_err(|error| ReportError::Png(error.into()))?))
}

/// How many bytes of a PNG stand before its second chunk: the signature, and the chunk with the size.
const BEFORE: usize = 8 + 25;

/// A PNG that says which program made it: a chunk of the kind tEXt, with the keyword Software (PNG, section 11.3.4.3).
fn marked(png: &[u8]) -> Vec<u8> {
    let chunk = [PNG_KEYWORD, MARK].concat();
    let mut check = Crc::new();
    check.update(chunk.as_bytes());
    let length = chunk.len() as u32 - 4;
    let (before, after) = png.split_at(BEFORE);
    [before, &length.to_be_bytes(), chunk.as_bytes(), &check.sum().to_be_bytes(), after].concat()
}

fn options() -> Options<'static> {
    let mut options = Options {
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        font_resolver: FontResolver {
            select_font: Box::new(|_, fonts| fonts.faces().next().map(|face| face.id)),
            select_fallback: Box::new(|_, _, _| None),
        },
        ..Options::default()
    };
    options.fontdb_mut().load_font_data(FONT.to_vec());
    options
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine};
    use resvg::tiny_skia::PremultipliedColorU8;

    use super::*;

    /// An SVG of 120 times 60 pixels with this content.
    fn svg(content: &str) -> String {
        let style = ".easy { fill: #2a78d6 } .tick { font: 11px system-ui, sans-serif; fill: #111 }";
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="120" height="60"
            viewBox="0 0 120 60"><style>{style}</style>{content}</svg>"#
        )
    }

    fn pixels(content: &str, scale: f32) -> Pixmap {
        Pixmap::decode_png(&png(&svg(content), scale).unwrap()).unwrap()
    }

    fn colour(pixels: &Pixmap, x: u32, y: u32) -> [u8; 4] {
        let own = pixels.pixel(x, y).unwrap();
        [own.red(), own.green(), own.blue(), own.alpha()]
    }

    /// The columns of the SVG in which a picture of scale 1 has dark pixels: the first and the last.
    fn dark(pixels: &Pixmap) -> Option<(usize, usize)> {
        let is_dark = |pixel: &PremultipliedColorU8| pixel.green() < 128;
        let columns = pixels.pixels().iter().enumerate().filter(|(_, pixel)| is_dark(pixel));
        let columns: Vec<usize> = columns.map(|(at, _)| at % pixels.width() as usize).collect();
        Some((*columns.iter().min()?, *columns.iter().max()?))
    }

    const WHITE: [u8; 4] = [255; 4];
    const BLUE: [u8; 4] = [0x2a, 0x78, 0xd6, 255];

    #[test]
    fn shapes_stand_where_the_svg_has_them_at_each_scale() {
        let content = r#"<rect class="easy" x="10" y="20" width="30" height="25"/>
            <line x1="60" y1="0" x2="60" y2="60" stroke="red" stroke-width="2"/>
            <circle class="easy" cx="100" cy="30" r="10"/><path d="M70 50h10v5h-10z" fill="lime"/>"#;
        for scale in [1.0, 2.0, 2.5] {
            let pixels = pixels(content, scale);
            assert_eq!((pixels.width() as f32, pixels.height() as f32), (120.0 * scale, 60.0 * scale));
            let at = |x: f32, y: f32| colour(&pixels, (x * scale) as u32, (y * scale) as u32);
            // Just inside of the bar's corners, and just outside.
            for (x, y) in [(11.0, 21.0), (38.8, 21.0), (11.0, 43.8), (38.8, 43.8)] {
                assert_eq!(at(x, y), BLUE, "{x} {y} at {scale}");
            }
            for (x, y) in [(8.8, 21.0), (41.0, 21.0), (11.0, 18.8), (11.0, 46.0), (119.5, 59.5), (0.0, 0.0)] {
                assert_eq!(at(x, y), WHITE, "{x} {y} at {scale}");
            }
            assert_eq!(at(60.0, 30.0), [255, 0, 0, 255]);
            assert_eq!((at(100.0, 30.0), at(100.0, 22.0), at(108.0, 38.0)), (BLUE, BLUE, WHITE));
            assert_eq!(at(75.0, 52.0), [0, 255, 0, 255]);
        }
    }

    #[test]
    fn text_stands_at_its_anchor_in_the_colour_of_its_class() {
        let text = |anchor: &str| {
            pixels(&format!(r#"<text class="tick" x="60" y="30" text-anchor="{anchor}">hard ≥ 0.8</text>"#), 1.0)
        };
        let [start, middle, end] = ["start", "middle", "end"].map(|anchor| dark(&text(anchor)).unwrap());
        assert!(start.0.abs_diff(60) <= 2 && start.1 > 100, "{start:?}");
        assert!(end.1.abs_diff(60) <= 2 && end.0 < 20, "{end:?}");
        assert!(middle.0.abs_diff(120 - middle.1) <= 3, "{middle:?}");
        // All of it stands on its line, and no higher than its size.
        let rows = |pixels: &Pixmap| -> Vec<usize> {
            let dark = pixels.pixels().iter().enumerate().filter(|(_, pixel)| pixel.green() < 128);
            dark.map(|(at, _)| at / pixels.width() as usize).collect()
        };
        assert!(rows(&text("start")).iter().all(|row| (19..31).contains(row)));
    }

    #[test]
    fn the_font_has_the_letters_and_signs_of_europe_and_of_figures() {
        let drawn = |c: char| pixels(&format!(r#"<text class="tick" x="9" y="30">{c}</text>"#), 2.0).data().to_vec();
        // What it does not have is a box.
        let missing = drawn('数');
        assert!(missing != drawn(' ') && missing == drawn('学'));
        let text = "AZaz09~ÀÿŁőßΑωπПривет№Ґ“”–—…•€£←→⇒−±×÷≤≥≠≈∑√∞─│┴█▁▏░■▲●\u{301}\u{fffd}ẞạ";
        let boxes: String = text.chars().filter(|c| drawn(*c) == missing).collect();
        assert_eq!(boxes, "");
        assert_ne!(drawn('a'), drawn('b'));
    }

    #[test]
    fn the_same_svg_gives_the_same_bytes_whatever_font_it_names() {
        let text = |family: &str| {
            let content = format!(r#"<text x="9" y="30" font-family="{family}" font-weight="700">Ωμέγα 0.25</text>"#);
            png(&svg(&content), 2.0).unwrap()
        };
        assert_eq!(text("Arial"), text("Arial"));
        assert_eq!(text("Arial"), text("monospace"));
    }

    #[test]
    fn nothing_that_the_svg_refers_to_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let red = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="red"/></svg>"#;
        let file = folder.path().join("red.svg");
        std::fs::write(&file, red).unwrap();
        let (file, data) = (file.display(), BASE64_STANDARD.encode(red));
        for content in [
            format!(r#"<image href="{file}" width="120" height="60"/>"#),
            format!(r#"<image href="file://{file}" width="120" height="60"/>"#),
            format!(r#"<image xlink:href="{file}" width="120" height="60"/>"#),
            format!(r#"<image href="data:image/svg+xml;base64,{data}" width="120" height="60"/>"#),
            format!(r#"<use href="{file}#a" width="120" height="60"/>"#),
            format!(
                r#"<filter id="f"><feImage href="{file}"/></filter><rect filter="url(#f)" width="120" height="60" fill="white"/>"#
            ),
            format!(r#"<style>@import url("{file}"); rect {{ fill: white }}</style><rect width="9" height="9"/>"#),
        ] {
            let pixels = pixels(&content, 1.0);
            let is_red = |pixel: &PremultipliedColorU8| pixel.red() > 200 && pixel.green() < 100;
            assert!(!pixels.pixels().iter().any(is_red), "{content}");
        }
    }

    #[test]
    fn what_is_no_picture_is_an_error() {
        for text in ["", "<svg", "<html/>", r#"<svg xmlns="http://www.w3.org/2000/svg" width="0" height="9"/>"#] {
            let error = png(text, 1.0).unwrap_err().to_string();
            assert!(error.starts_with("a picture cannot be read as SVG: "), "{text:?}: {error}");
        }
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e9, 97.0] {
            let error = png(&svg(""), scale).unwrap_err().to_string();
            assert!(error.starts_with("a picture of 120 × 60 pixels cannot be drawn at a scale of "), "{error}");
        }
        assert!(png(&svg(""), 20.0).is_ok());
    }
}
